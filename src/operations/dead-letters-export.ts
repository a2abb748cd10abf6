import { createWriteStream, existsSync, linkSync, openSync, unlinkSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeCredential } from '../azure/credential.ts';
import { type DeadLetter, openDeadLetters } from '../azure/service-bus-dead-letters.ts';
import type { Config } from '../config.ts';
import { type Choice, choose } from './dead-letters-choice.ts';
import { letters } from './dead-letters-list.ts';
import { factsOf } from './dead-letters-show.ts';
import { plainJson } from './plain-text.ts';

/**
 * Writes the chosen dead letters as lines of JSON, whole, to stdout or to a file that is there only when it is complete. An
 * existing file is left alone; nobody else may read the new one. Exit codes: 0; 1 the file could not be written.
 * @throws the client's error
 */
export async function exportDeadLetters(
  config: Config,
  choice: Choice,
  { output }: { output?: string | undefined },
): Promise<number> {
  if (output !== undefined && existsSync(output)) {
    console.error(`${output} is there already: it is left as it is.`);
    return 1;
  }
  const deadLetters = openDeadLetters(config, makeCredential(config.azureClientId));
  let count = 0;
  async function* lines(): AsyncGenerator<string, void> {
    for await (const letter of choose(deadLetters, choice)) {
      count += 1;
      yield `${plainJson(asRecord(letter))}\n`;
    }
  }
  // Of this run alone: nobody else may have made it, or be writing to it.
  const part = `${output}.${process.pid}.part`;
  try {
    if (output === undefined) await pipeline(Readable.from(lines()), process.stdout, { end: false });
    else {
      await writePart(part, lines());
      // A rename would replace a file that was made meanwhile.
      linkSync(part, output);
      unlinkSync(part);
    }
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    console.error(message);
    return 1;
  } finally {
    await deadLetters.close();
  }
  console.error(`${letters(count)} exported${output === undefined ? '' : ` to ${output}`}.`);
  return 0;
}

/** What could not be written whole is taken away again. */
async function writePart(part: string, lines: AsyncIterable<string>): Promise<void> {
  const fd = openSync(part, 'wx', 0o600);
  try {
    await pipeline(Readable.from(lines), createWriteStream(part, { fd }));
  } catch (error) {
    unlinkSync(part);
    throw error;
  }
}

/** All that a publisher needs to send it again. Bytes that are no UTF-8 text come in base64. */
function asRecord(letter: DeadLetter): Record<string, unknown> {
  const { subject, correlationId, contentType, sessionId, applicationProperties, deadLetterSource } =
    letter.message;
  return {
    ...factsOf(letter),
    sessionId,
    subject,
    correlationId,
    contentType,
    deadLetterSource,
    applicationProperties,
    ...bodyOf(letter.message.body),
  };
}

function bodyOf(body: unknown): Record<string, unknown> {
  if (!(body instanceof Uint8Array)) return { body };
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? { body: text } : { bodyBase64: bytes.toString('base64') };
}
