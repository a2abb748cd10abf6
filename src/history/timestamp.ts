const DAY_MS = 86_400_000;
const ZERO = 48;
const NINE = 57;

// Days before the first of each month in a year that is not a leap year.
const DAYS_BEFORE = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_IN = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAYS_TO_1970 = 719_162;

/**
 * The instant that an ISO 8601 timestamp names, in milliseconds since 1970-01-01T00:00Z, or undefined if it names none.
 *
 * Accepted: a date and a time of day with `T` or a space between, seconds optional, up to 9 digits of fraction, and `Z`,
 * an offset (`+05`, `+0530`, `+05:30`) or nothing, which means UTC. The result keeps the fraction of a millisecond, as
 * far as a double can (a quarter of a microsecond), so that Python's microseconds can be compared.
 *
 * Written by hand because it runs for every message of every snapshot, and because `Date.parse` reads a naive time as
 * local and takes the 30th of February for the 2nd of March.
 */
export function parseInstant(text: unknown): number | undefined {
  // A stored item may be an older worker's, or somebody's by hand: a time of another type is none.
  if (typeof text !== 'string') return undefined;
  const length = text.length;
  if (length < 16 || text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return undefined;
  const separator = text.charCodeAt(10);
  if (separator !== 84 && separator !== 32 && separator !== 116) return undefined;
  if (text.charCodeAt(13) !== 58) return undefined;

  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  // A part that is not two digits is NaN, and every comparison with NaN is false.
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59)) return undefined;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  if (day > DAYS_IN[month]! + (leap && month === 2 ? 1 : 0)) return undefined;

  let at = 16;
  let second = 0;
  let fraction = 0;
  if (text.charCodeAt(at) === 58) {
    second = twoDigits(text, 17);
    if (!(second <= 59)) return undefined;
    at = 19;
    const point = text.charCodeAt(at);
    if (point === 46 || point === 44) {
      const first = ++at;
      let digits = 0;
      while (at < length && isDigit(text.charCodeAt(at))) digits = digits * 10 + text.charCodeAt(at++) - ZERO;
      if (at === first || at - first > 9) return undefined;
      fraction = (digits * 10 ** (9 - (at - first))) / 1e6;
    }
  }

  const offset = offsetMinutes(text, at);
  if (offset === undefined) return undefined;
  const y = year - 1;
  const days =
    y * 365 +
    Math.floor(y / 4) -
    Math.floor(y / 100) +
    Math.floor(y / 400) +
    DAYS_BEFORE[month]! +
    (leap && month > 2 ? 1 : 0) +
    (day - 1) -
    DAYS_TO_1970;
  return days * DAY_MS + (hour * 60 + minute - offset) * 60_000 + second * 1000 + fraction;
}

/** What stands behind the time of day, in minutes east of UTC; undefined if it is no offset or does not end the text. */
function offsetMinutes(text: string, at: number): number | undefined {
  const left = text.length - at;
  if (left === 0) return 0;
  const sign = text.charCodeAt(at);
  if (sign === 90 || sign === 122) return left === 1 ? 0 : undefined;
  if (sign !== 43 && sign !== 45) return undefined;
  const hours = twoDigits(text, at + 1);
  let minutes: number;
  if (left === 3) minutes = 0;
  else if (left === 5) minutes = twoDigits(text, at + 3);
  else if (left === 6 && text.charCodeAt(at + 3) === 58) minutes = twoDigits(text, at + 4);
  else return undefined;
  if (!(hours <= 23 && minutes <= 59)) return undefined;
  const total = hours * 60 + minutes;
  return sign === 45 ? -total : total;
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at);
  const ones = text.charCodeAt(at + 1);
  return isDigit(tens) && isDigit(ones) ? (tens - ZERO) * 10 + (ones - ZERO) : Number.NaN;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}
