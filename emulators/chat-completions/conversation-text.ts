import { z } from 'zod';
import type { ChatRequest } from './chat-request.ts';

const Line = z.object({ role: z.string(), text: z.string() });
const Lines = z.array(Line);

/**
 * The first thing that the user said in the conversation that a request is about. The conversation may be data inside
 * a message, as JSON in a `<conversation>` block: an array of {role, text}, or one such object a line.
 */
export function conversationText(messages: ChatRequest['messages']): string {
  const contents = messages.map(({ role, content }) => ({ role, text: textOf(content) }));
  for (const { text } of contents) {
    const said = firstInBlock(text);
    if (said !== undefined) return said;
  }
  return contents.find(({ role }) => role === 'user')?.text ?? '';
}

function firstInBlock(text: string): string | undefined {
  // The last opening tag: instructions before it may speak of the tags too.
  const start = text.lastIndexOf('<conversation>');
  const end = text.lastIndexOf('</conversation>');
  if (start < 0 || end < start) return undefined;
  const block = text.slice(start + '<conversation>'.length, end).trim();
  const lines = readLines(block) ?? readLines(`[${block.split(/\n+/).join(',')}]`);
  return lines?.find(({ role }) => role === 'user')?.text;
}

function readLines(json: string): z.infer<typeof Lines> | undefined {
  try {
    return Lines.safeParse(JSON.parse(json)).data;
  } catch (error) {
    // A block of something else, such as a prompt that explains the tags, is no conversation.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function textOf(content: ChatRequest['messages'][number]['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('\n');
}
