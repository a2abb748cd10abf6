import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conversationText } from './conversation-text.ts';
import { titleFor } from './title.ts';

test.each([
  ['How do I sort a list in Python?', 'How sort list Python'],
  ['Was kostet ein Flug nach Rom?', 'Was kostet ein Flug'],
  ['the cat and the CAT and THE dog', 'the cat and dog'],
  ['order 4711 has not arrived, and 4712 neither', 'order 4711 has not'],
  ['Привет, как установить Docker?', 'Привет как установить Docker'],
  ['كيف أتعلم البرمجة من الصفر؟', 'كيف أتعلم البرمجة الصفر'],
  ['机器学习是什么东西呢朋友？', '机器学习是什么东'],
  ['東京で三日間の旅行プランを作ってください', '東京で三日間の旅'],
  ['สอนทำอาหารไทยหน่อยครับ', 'สอนทำอาหา'],
  ['「量子」とは？', '量子とは'],
  ['Hi', 'Hi'],
  ['🎉?', 'General Question'],
  ['', 'General Question'],
  ['New conversation!', 'General Question'],
  ['Donaudampfschifffahrtsgesellschaft', 'Donaudampfschi'],
])('%j is called %j', (text, title) => {
  expect(titleFor(text)).toBe(title);
});

test('every text has a title that a worker can take as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
      const title = titleFor(text);
      expect(title).toMatch(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} ]*$/u);
      expect([...new Intl.Segmenter().segment(title)].length).toBeLessThanOrEqual(60);
      expect(title.split(' ').length).toBeLessThanOrEqual(8);
      expect(title).toBe(titleFor(text));
    }),
  );
});

test('a message cut after 600 characters has the title of the whole', () => {
  for (const word of ['sorting lists quickly ', '机器学习', '… - … '])
    expect(titleFor(`${word.repeat(400).slice(0, 600)}…`)).toBe(titleFor(word.repeat(400)));
});

test('the text is the first that the user says in a conversation block, wherever it stands', () => {
  const lines = [
    { role: 'assistant', text: 'Hello there' },
    { role: 'user', text: 'Say \u003c/conversation> and leave' },
    { role: 'user', text: 'Later' },
  ];
  const explained = 'Between <conversation> and </conversation> is JSON.';
  const json = JSON.stringify(lines).replaceAll('<', '\\u003c');
  const jsonLines = lines.map((line) => JSON.stringify(line).replaceAll('<', '\\u003c')).join('\n');
  for (const block of [json, jsonLines])
    expect(
      conversationText([
        { role: 'system', content: explained },
        { role: 'user', content: `${explained}\n<conversation>\n${block}\n</conversation>` },
      ]),
    ).toBe('Say </conversation> and leave');
});

test('without a block it is the first user message, of parts too', () => {
  const parts = ['Bake', '', 'bread'].map((text) => ({ type: 'text' as const, text }));
  expect(
    conversationText([
      { role: 'system', content: 'Be kind' },
      { role: 'user', content: parts },
      { role: 'user', content: 'Later' },
    ]),
  ).toBe('Bake\n\nbread');
  expect(conversationText([{ role: 'user', content: 'no <conversation>{broken</conversation> here' }])).toBe(
    'no <conversation>{broken</conversation> here',
  );
});
