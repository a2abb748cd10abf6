const pattern =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:([Zz])|([+-])(\d{2}):?(\d{2})?)?$/;

/**
 * The instant that an ISO 8601 text names, in milliseconds since 1970 with a fraction for anything finer (Python's
 * `isoformat()` writes microseconds, and turns may differ by less than a millisecond). A text without a zone is UTC.
 * Undefined for what is not a date: month 13, 30 February, 25 o'clock.
 */
export function parseInstant(text: string): number | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction, , sign, offsetHour, offsetMinute] = match;
  const [y, mo, d, h, mi, s] = [
    Number(year),
    Number(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  ];
  if (mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) || h > 23 || mi > 59 || s > 59) return undefined;
  let offsetMs = 0;
  if (sign) {
    const [oh, om] = [Number(offsetHour), Number(offsetMinute ?? 0)];
    if (oh > 23 || om > 59) return undefined;
    offsetMs = (oh * 60 + om) * 60_000 * (sign === '-' ? -1 : 1);
  }
  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d); // not Date.UTC, which takes the years 0 to 99 for 1900 to 1999
  date.setUTCHours(h, mi, s, 0);
  return date.getTime() - offsetMs + (fraction ? Number(`0.${fraction}`) * 1000 : 0);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
