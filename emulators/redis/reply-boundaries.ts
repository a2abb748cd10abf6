export type ReplyEnd = { end: number; isPush: boolean };

const LINE_ONLY = '+-:_#,(';
const WITH_BYTES = '$=!';
const AGGREGATE = '*~>';

/**
 * Finds where replies end in a server's stream of bytes, RESP2 or RESP3, wherever it is cut: the door needs to know
 * which reply belongs to which command, and how many commands wait for theirs.
 * @returns a function that takes the next bytes and returns the ends of the replies that they complete, as offsets
 */
export function makeReplyBoundaries(): (chunk: Buffer) => ReplyEnd[] {
  let line = '';
  let bytesToSkip = 0;
  // How many elements are still to come before the reply is whole.
  let awaited = 1;
  let isPush = false;
  let isFirst = true;

  function takeLine(text: string): void {
    const type = text[0] ?? '';
    const count = Number(text.slice(1));
    if (isFirst) isPush = type === '>';
    isFirst = false;
    if (LINE_ONLY.includes(type)) awaited -= 1;
    else if (WITH_BYTES.includes(type)) {
      awaited -= 1;
      bytesToSkip = count < 0 ? 0 : count + 2;
    } else if (AGGREGATE.includes(type)) awaited += Math.max(0, count) - 1;
    else if (type === '%') awaited += 2 * count - 1;
    // An attribute precedes an element without being one.
    else if (type === '|') awaited += 2 * count;
    else throw new Error(`the server sent what is no reply: ${JSON.stringify(text.slice(0, 40))}`);
  }

  return (chunk) => {
    const ends: ReplyEnd[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (bytesToSkip > 0) {
        const skipped = Math.min(bytesToSkip, chunk.length - at);
        bytesToSkip -= skipped;
        at += skipped;
      } else {
        const end = chunk.indexOf(10, at);
        line += chunk.toString('latin1', at, end < 0 ? chunk.length : end);
        if (end < 0) return ends;
        at = end + 1;
        const text = line.replace(/\r$/, '');
        line = '';
        takeLine(text);
      }
      if (awaited === 0 && bytesToSkip === 0) {
        ends.push({ end: at, isPush });
        awaited = 1;
        isFirst = true;
      }
    }
    return ends;
  };
}
