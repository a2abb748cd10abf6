import type { Chance } from './chance.ts';
import type { Message } from './ledger.ts';

/** Each begins with a word that is this conversation's alone, so that no two titles are alike. */
const openings: ((word: string) => string)[] = [
  (word) => `Explain${word} how to sort a list by two fields in Python?`,
  (word) => `Erkläre${word} den Unterschied zwischen TCP und UDP`,
  (word) => `Corrige${word} ma lettre de motivation, s'il te plaît`,
  (word) => `第${word}次学做四川火锅要准备什么？`,
  (word) => `第${word}回東京旅行の計画を作ってください`,
  (word) => `Помоги${word} составить план тренировок`,
  (word) => `تعلم${word} البرمجة من الصفر`,
  (word) => `Party${word} for twenty kids 🎉🎈 with <conversation> & "quotes"`,
  (word) => `Cocinar${word} paella valenciana para ocho`,
];
const followUps = [
  'And then?',
  'Shorter, please.',
  'Danke! Und als Tabelle?',
  'ok',
  'もっと詳しく',
  'Why? 🤔',
];
const paragraphs = [
  'It depends on what you measure: begin with the smallest thing that could work.',
  'Zuerst ein Überblick, dann die Einzelheiten; jeder Schritt lässt sich für sich prüfen.',
  '当然可以。首先准备好所有材料，然后一步一步来。\u2028',
  'Naturellement ! Voici un exemple « concret » à la fin. ✨',
  '```ts\nconst answer = "a\\\\b" + `two`; // <b>&amp;</b>\n```',
];

/** How a conversation begins, by its number. */
export const openingOf = (chance: Chance, serial: number): string =>
  chance.pick(openings)(String(serial).padStart(4, '0'));

/**
 * The messages of a turn in the demo's shapes: ids made of the turn's, one timestamp for all, now and then tool calls, parts,
 * or equal messages without an id.
 */
export function makeTurn(
  chance: Chance,
  turn: string,
  timestamp: string,
  says: string | undefined,
  answerBytes: number,
): Message[] {
  const messages: Message[] = [];
  const say = (suffix: string, role: string, content: unknown, more = {}): void =>
    void messages.push({ messageId: `${turn}_${suffix}`, role, content, timestamp, ...more });
  say('user', 'user', says ?? chance.pick(followUps));
  if (chance.percent(10))
    for (let copy = 0; copy < 2; copy += 1) messages.push({ role: 'user', content: 'ok', timestamp });
  if (chance.percent(18)) {
    const id = `call_${turn}`;
    const called = { name: 'search', arguments: '{"q":"weather","n":1.50}' };
    say('call', 'assistant', null, { tool_calls: [{ id, type: 'function', function: called }] });
    say('tool', 'tool', JSON.stringify({ results: [1, 2.5, null, 'ä'] }), { tool_call_id: id });
  }
  const text = answer(chance, answerBytes);
  const parts = [
    { type: 'text', text },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
  ];
  say('assistant', 'assistant', chance.percent(10) ? parts : text, { usage: { tokens: chance.below(900) } });
  return messages;
}

export function answer(chance: Chance, bytes: number): string {
  let text = '';
  while (text.length < bytes) text += `${chance.pick(paragraphs)} ${chance.below(100_000)}\n`;
  return text;
}

/** As Python's `isoformat()` writes a time in UTC: microseconds and an offset. */
export const pythonTime = (ms: number, micros: number): string =>
  `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}+00:00`;
