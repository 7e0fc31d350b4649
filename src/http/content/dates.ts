/**
 * HTTP dates (RFC 9110 section 5.6.7): written in the one preferred form, read in all three.
 *
 * @module
 */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LONG_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** A number could not be read where one must be; falls out of every range check. */
const NOT_A_NUMBER = -1;

/**
 * Writes a time as `Sun, 06 Nov 1994 08:49:37 GMT`.
 *
 * @param ms Milliseconds since 1970, from year 0 to 9999; the part below a second is cut off.
 */
export function formatHttpDate(ms: number): string {
  // ECMAScript defines toUTCString as exactly the IMF-fixdate of RFC 9110 for these years.
  return new Date(ms).toUTCString();
}

/**
 * Reads a date in any of the three forms a recipient must accept: IMF-fixdate, the obsolete RFC 850
 * form and asctime. Names of days must be names of days but are not checked against the date.
 *
 * @param now Milliseconds since 1970; places the two-digit year of an RFC 850 date, which is never
 * more than 50 years ahead.
 * @returns Milliseconds since 1970, a whole number of seconds, or `undefined` when it is no such date.
 */
export function parseHttpDate(text: string, now: number = Date.now()): number | undefined {
  if (text.charCodeAt(3) === 44 /* , */) return parseFixdate(text);
  if (text.charCodeAt(3) === 32) return parseAsctime(text);
  return parseRfc850(text, now);
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
function parseFixdate(text: string): number | undefined {
  if (text.length !== 29 || !DAYS.includes(text.slice(0, 3)) || !spacesAt(text, 4, 7, 11, 16)) {
    return undefined;
  }
  if (!text.endsWith(" GMT")) return undefined;
  return toMs(digits(text, 12, 4), monthAt(text, 8), digits(text, 5, 2), text, 17);
}

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
function parseRfc850(text: string, now: number): number | undefined {
  const comma = text.indexOf(",");
  if (comma < 0 || !LONG_DAYS.includes(text.slice(0, comma))) return undefined;
  const at = comma + 2;
  if (text.length !== at + 22 || !spacesAt(text, comma + 1, at + 9) || !text.endsWith(" GMT")) {
    return undefined;
  }
  if (text[at + 2] !== "-" || text[at + 6] !== "-") return undefined;
  const twoDigits = digits(text, at + 7, 2);
  if (twoDigits === NOT_A_NUMBER) return undefined;
  const thisYear = new Date(now).getUTCFullYear();
  let year = thisYear - thisYear % 100 + twoDigits;
  if (year > thisYear + 50) year -= 100;
  return toMs(year, monthAt(text, at + 3), digits(text, at, 2), text, at + 10);
}

/** `Sun Nov  6 08:49:37 1994` */
function parseAsctime(text: string): number | undefined {
  if (text.length !== 24 || !DAYS.includes(text.slice(0, 3)) || !spacesAt(text, 7, 10, 19)) {
    return undefined;
  }
  const day = text[8] === " " ? digits(text, 9, 1) : digits(text, 8, 2);
  return toMs(digits(text, 20, 4), monthAt(text, 4), day, text, 11);
}

/** Puts a date together with the `08:49:37` at `timeAt`. */
function toMs(
  year: number,
  month: number,
  day: number,
  text: string,
  timeAt: number,
): number | undefined {
  const hour = digits(text, timeAt, 2);
  const minute = digits(text, timeAt + 3, 2);
  const second = digits(text, timeAt + 6, 2);
  if (text[timeAt + 2] !== ":" || text[timeAt + 5] !== ":") return undefined;
  if (year < 0 || month < 0 || hour < 0 || minute < 0 || second < 0) return undefined;
  // The grammar has a leap second; it is read as the first of the next minute.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month, day);
  if (date.getUTCDate() !== day) return undefined;
  return date.setUTCHours(hour, minute, second);
}

function monthAt(text: string, at: number): number {
  const found = MONTHS.indexOf(text.slice(at, at + 3));
  return found % 3 === 0 ? found / 3 : NOT_A_NUMBER;
}

function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return NOT_A_NUMBER;
    value = value * 10 + digit;
  }
  return value;
}

function spacesAt(text: string, ...places: number[]): boolean {
  return places.every((at) => text[at] === " ");
}
