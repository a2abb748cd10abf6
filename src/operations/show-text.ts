import { styleText } from 'node:util';
import { isRecord, type Message } from '../history/conversation.ts';
import type { HistoryDocument } from '../history/document.ts';
import { isMarker } from '../history/marker.ts';
import { visibleLine, visibleText } from './visible-text.ts';

/** Whatever is in a message stands behind this: so that no message can look like the beginning of the next one. */
const GUTTER = '│ ';
const MIN_WIDTH = 20;

/**
 * A conversation as text for a person, line by line. Nothing in it plays with the terminal, whoever wrote it.
 */
export function* conversationLines(
  { title, sessionId, userId, createdAt, lastActivity, persistedAt, messages }: HistoryDocument,
  stream: NodeJS.WriteStream,
): Iterable<string> {
  const width = stream.isTTY ? Math.max(MIN_WIDTH, stream.columns || 80) : Number.POSITIVE_INFINITY;
  const fields = {
    title,
    session: sessionId,
    user: userId,
    created: createdAt,
    active: lastActivity,
    persisted: persistedAt,
    messages: String(messages.length),
  };
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined) yield* labelled(name, String(value), width, stream);
  for (const message of messages) {
    yield '';
    yield* messageLines(message, width, stream);
  }
}

function* labelled(name: string, value: string, width: number, stream: NodeJS.WriteStream): Iterable<string> {
  const indent = 11;
  const lines = visibleLine(value, width - indent, stream);
  for (const [index, line] of lines.entries()) {
    const label = index === 0 ? name.padEnd(indent) : ' '.repeat(indent);
    yield `${styleText('dim', label, { stream })}${name === 'title' ? styleText('bold', line, { stream }) : line}`;
  }
}

function* messageLines(message: Message, width: number, stream: NodeJS.WriteStream): Iterable<string> {
  const { messageId, role, timestamp, content, ...others } = message;
  const head = [role, timestamp, messageId].filter((part) => typeof part === 'string').join('  ');
  const [first = '', ...rest] = visibleLine(head, width - GUTTER.length, stream);
  yield styleText('bold', first, { stream });
  for (const line of rest) yield `${' '.repeat(GUTTER.length)}${line}`;
  const inside = function* (text: string, style?: 'dim'): Iterable<string> {
    for (const line of visibleText(text, width - GUTTER.length, stream))
      yield `${styleText('dim', GUTTER, { stream })}${style ? styleText(style, line, { stream }) : line}`;
  };
  if (isMarker(message)) {
    yield* inside(`left out: ${message.omittedBytes} bytes, more than an item can hold`, 'dim');
    delete others.omittedBytes;
  } else yield* contentLines(content, inside);
  for (const [name, value] of Object.entries(others))
    yield* inside(`${name}: ${JSON.stringify(value)}`, 'dim');
}

function* contentLines(
  content: Message['content'],
  inside: (text: string, style?: 'dim') => Iterable<string>,
): Iterable<string> {
  if (typeof content === 'string') yield* inside(content);
  else if (!Array.isArray(content)) yield* inside('no content', 'dim');
  else
    for (const part of content) {
      if (typeof part === 'string') yield* inside(part);
      else if (isRecord(part) && part.type === 'text' && typeof part.text === 'string')
        yield* inside(part.text);
      else yield* inside(JSON.stringify(part), 'dim');
    }
}
