import { randomUUID } from 'node:crypto';

/** A seeded source of chances, so that a run can be repeated. */
export type Chance = { below(limit: number): number; pick<T>(list: readonly T[]): T };

/** The same seed brings the same chances. */
export function makeChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    // mulberry32: small, and good enough to vary chats
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, pick: (list) => list[below(list.length)]! };
}

export type ChatMessage = {
  messageId: string;
  role: string;
  content: unknown;
  timestamp: string;
  [field: string]: unknown;
};
export type Chat = {
  sessionId: string;
  userId: string;
  title: null;
  createdAt: string;
  lastActivity: string;
  messages: ChatMessage[];
};

const openings = [
  'How do I sort a list of objects by two fields in Python?',
  'Explain quantum entanglement to a curious teenager',
  'Was ist der Unterschied zwischen TCP und UDP?',
  'Peux-tu corriger ma lettre de motivation pour un stage ?',
  '¿Cómo preparo una paella valenciana auténtica para ocho personas?',
  '如何在周末学习做四川火锅？',
  '東京で三日間の旅行プランを作ってください',
  'Помоги составить план тренировок на месяц',
  'كيف أتعلم البرمجة من الصفر؟',
  'Plan a birthday party for twenty kids 🎉🎈',
  'Why does my Kubernetes pod restart with OOMKilled?',
  'Write a haiku about autumn rain over the harbour',
  'Compare index funds with single stocks for a beginner',
  'Übersetze diesen Absatz über Quantenphysik ins Englische',
  'Debug this React hook that renders forever',
  'Qual è la ricetta originale della carbonara romana?',
];
const followUps = [
  'And what about performance?',
  'Can you show an example?',
  'Shorter, please.',
  'Danke, und jetzt als Tabelle bitte',
  'ok',
  'Why? 🤔',
  'それをもっと詳しく説明して',
  'Does it work on Windows too?',
];
const paragraphs = [
  'It depends on what you want to measure. Start with the smallest thing that could work and look at it before you go on.',
  'Zuerst ein kurzer Überblick, dann die Einzelheiten: jeder Schritt lässt sich für sich prüfen.',
  '当然可以。首先准备好所有材料，然后按照步骤一步一步来。',
  'Naturellement ! Voici une version plus simple, avec un exemple concret à la fin. ✨',
  'Note the edge cases: empty input, a single element, and values that are equal — "stable" matters there.',
];
const code =
  "```ts\nconst sorted = list.toSorted((a, b) => a.age - b.age || a.name.localeCompare(b.name));\nconsole.log('<b>' + sorted.length + '</b> & \"done\"');\n```";

/** A chat without a turn yet, as the front end begins it: with its system message. */
export function newChat(chance: Chance, users: number, now: Date): Chat {
  const at = pythonTime(now);
  const messages =
    chance.below(3) === 0
      ? [{ messageId: randomUUID(), role: 'system', content: 'You are a helpful assistant.', timestamp: at }]
      : [];
  return {
    sessionId: `sess_${randomUUID()}`,
    userId: `user_${chance.below(users)}`,
    title: null,
    createdAt: at,
    lastActivity: at,
    messages,
  };
}

/** Adds a turn in the demo's shapes: ids made of the turn's, one timestamp for all of its messages. */
export function addTurn(chat: Chat, chance: Chance, now: Date): string {
  const turn = `msg_${randomUUID()}`;
  const timestamp = pythonTime(now);
  const first = !chat.messages.some(({ role }) => role === 'user');
  const say = (suffix: string, role: string, content: unknown, more = {}): void =>
    void chat.messages.push({ messageId: `${turn}_${suffix}`, role, content, timestamp, ...more });
  say('user', 'user', first ? chance.pick(openings) : chance.pick(followUps));
  if (chance.below(6) === 0) {
    const id = `call_${turn}`;
    say('call', 'assistant', null, {
      tool_calls: [{ id, type: 'function', function: { name: 'search', arguments: '{"q":"weather"}' } }],
    });
    say('tool', 'tool', JSON.stringify({ results: [1, 2.5, null, 'ä'] }), { tool_call_id: id });
  }
  say('assistant', 'assistant', answer(chance), {
    model: 'gpt',
    usage: { completion_tokens: chance.below(900) },
  });
  chat.lastActivity = timestamp;
  return turn;
}

function answer(chance: Chance): unknown {
  const kind = chance.below(12);
  if (kind === 0)
    return [
      { type: 'text', text: chance.pick(paragraphs) },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
    ];
  const length = kind === 1 ? 60 : 1 + chance.below(5);
  const parts = Array.from({ length }, () => chance.pick(paragraphs));
  return kind < 5 ? [parts[0], code, ...parts.slice(1)].join('\n\n') : parts.join('\n\n');
}

/** As Python's `isoformat()` writes a time in UTC: microseconds and an offset. */
function pythonTime(date: Date): string {
  return date
    .toISOString()
    .replace('Z', `${String(Math.floor(performance.now() * 1000) % 1000).padStart(3, '0')}+00:00`);
}
