import { closeSync, createWriteStream, linkSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeCredential } from '../azure/credential.ts';
import { type DeadLetter, openDeadLetters } from '../azure/service-bus-dead-letters.ts';
import type { Config } from '../config.ts';
import { aborted } from './aborted.ts';
import { type Choice, choose } from './dead-letters-choice.ts';
import { letters } from './dead-letters-list.ts';
import { factsOf } from './dead-letters-show.ts';
import { EXIT_INTERRUPTED, onInterruption } from './interruption.ts';
import { plain, plainJson } from './plain-text.ts';

/**
 * Writes the chosen dead letters as lines of JSON, whole, to stdout or to a file that is there only when it is complete. An
 * existing file is left alone; nobody else may read the new one. Exit codes: 0; 1 the file could not be written; 3 it was interrupted.
 * @throws the client's error
 */
export async function exportDeadLetters(
  config: Config,
  choice: Choice,
  { output }: { output?: string | undefined },
): Promise<number> {
  // A link that leads nowhere is there as well.
  if (output !== undefined && lstatSync(output, { throwIfNoEntry: false })) {
    console.error(`${plain(output)} is there already: it is left as it is.`);
    return 1;
  }
  const deadLetters = openDeadLetters(config, makeCredential(config.azureClientId));
  let count = 0;
  let failed: { error: unknown } | undefined;
  async function* lines(): AsyncGenerator<string, void> {
    try {
      for await (const letter of choose(deadLetters, choice)) {
        count += 1;
        yield `${plainJson(asRecord(letter))}\n`;
      }
    } catch (error) {
      failed = { error };
      throw error;
    }
  }
  try {
    if (output === undefined) await pipeline(Readable.from(lines()), process.stdout, { end: false });
    else if (!(await writeWhole(output, lines()))) return EXIT_INTERRUPTED;
  } catch (error) {
    if (failed) throw failed.error;
    const { syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    console.error(plain(message));
    return 1;
  } finally {
    await deadLetters.close();
  }
  console.error(`${letters(count)} exported${output === undefined ? '' : ` to ${plain(output)}`}.`);
  return 0;
}

/** What is not whole is taken away again. Answers false when a signal has ended it. */
async function writeWhole(file: string, lines: AsyncIterable<string>): Promise<boolean> {
  // Of this run alone: nobody else may have made it, or be writing to it.
  const part = `${file}.${process.pid}.part`;
  const fd = openSync(part, 'wx', 0o600);
  const { signal, end } = onInterruption();
  try {
    const written = pipeline(Readable.from(lines), createWriteStream(part, { fd }), { signal });
    // It ends behind the peek that is under way, which may hang.
    await Promise.race([written, aborted(signal)]).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (signal.aborted) {
      written.catch(() => undefined);
      console.error('Interrupted: nothing was exported.');
      return false;
    }
    name(part, file);
    return true;
  } finally {
    rmSync(part, { force: true });
    end();
  }
}

/** A rename would replace a file that was made meanwhile: not so a link, which not every file system has (SMB, FAT). */
function name(part: string, file: string): void {
  try {
    linkSync(part, file);
  } catch (error) {
    if (!WITHOUT_LINKS.has(String((error as NodeJS.ErrnoException).code))) throw error;
    closeSync(openSync(file, 'wx', 0o600));
    renameSync(part, file);
  }
}

const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

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
