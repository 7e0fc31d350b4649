import assert from "node:assert/strict";
import fc from "fast-check";
import { formatHttpDate, parseHttpDate } from "./dates.ts";

const EXAMPLE = 784111777000;
const LONG_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const anySecond = fc.integer({
  min: Date.UTC(1970, 0, 1) / 1000,
  max: Date.UTC(9999, 11, 31, 23, 59, 59) / 1000,
}).map((seconds) => seconds * 1000);

Deno.test("dates: the example of RFC 9110 is written in the preferred form", () => {
  assert.equal(formatHttpDate(EXAMPLE), "Sun, 06 Nov 1994 08:49:37 GMT");
});

Deno.test("dates: parts of a second are cut off when written", () => {
  assert.equal(formatHttpDate(EXAMPLE + 999), "Sun, 06 Nov 1994 08:49:37 GMT");
});

Deno.test("dates: the example of RFC 9110 is read in all three forms", () => {
  for (
    const text of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
    ]
  ) assert.equal(parseHttpDate(text, Date.UTC(2026, 0)), EXAMPLE, text);
});

Deno.test("dates: what is written is read back, and as the runtime reads it", () => {
  fc.assert(fc.property(anySecond, (ms) => {
    const text = formatHttpDate(ms);
    assert.equal(parseHttpDate(text), ms);
    assert.equal(parseHttpDate(text), Date.parse(text));
  }));
});

Deno.test("dates: the asctime form of any time is read as that time", () => {
  fc.assert(fc.property(anySecond, (ms) => {
    const [, day, month, year, time] = formatHttpDate(ms).split(" ");
    const weekday = LONG_DAYS[new Date(ms).getUTCDay()].slice(0, 3);
    const text = `${weekday} ${month} ${day.replace(/^0/, " ")} ${time} ${year}`;
    assert.equal(parseHttpDate(text), ms, text);
  }));
});

Deno.test("dates: the RFC 850 form of any time near now is read as that time", () => {
  const now = Date.UTC(2026, 6, 1);
  const near = fc.integer({
    min: Date.UTC(1977, 0, 1) / 1000,
    max: Date.UTC(2076, 11, 31, 23, 59, 59) / 1000,
  }).map((seconds) => seconds * 1000);
  fc.assert(fc.property(near, (ms) => {
    const [, day, month, year, time] = formatHttpDate(ms).split(" ");
    const text = `${LONG_DAYS[new Date(ms).getUTCDay()]}, ${day}-${month}-${
      year.slice(2)
    } ${time} GMT`;
    assert.equal(parseHttpDate(text, now), ms, text);
  }));
});

Deno.test("dates: a two-digit year is never more than 50 years ahead", () => {
  const now = Date.UTC(2026, 0, 1);
  assert.equal(parseHttpDate("Friday, 01-Jan-76 00:00:00 GMT", now), Date.UTC(2076, 0, 1));
  assert.equal(parseHttpDate("Friday, 01-Jan-77 00:00:00 GMT", now), Date.UTC(1977, 0, 1));
});

Deno.test("dates: a year of two digits in four is that year", () => {
  assert.equal(parseHttpDate("Thu, 01 Jan 0099 00:00:00 GMT"), Date.parse("0099-01-01T00:00:00Z"));
});

Deno.test("dates: a leap second is the first second of the next minute", () => {
  assert.equal(parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT"), Date.UTC(2017, 0, 1));
});

Deno.test("dates: anything else is no date", () => {
  for (
    const text of [
      "",
      "0",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "sun, 06 Nov 1994 08:49:37 GMT",
      "Xyz, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 nov 1994 08:49:37 GMT",
      "Sun, 06 ovD 1994 08:49:37 GMT",
      "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 29 Feb 2023 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Sun, 06 Nov 1994 08.49.37 GMT",
      "Sun, 06 Nov -994 08:49:37 GMT",
      "Sunday, 06-Nov-1994 08:49:37 GMT",
      "Sunday, 06 Nov 94 08:49:37 GMT",
      "Sun Nov 6 08:49:37 1994",
      "1994-11-06T08:49:37Z",
    ]
  ) assert.equal(parseHttpDate(text), undefined, text);
});

Deno.test("dates: no text makes reading throw", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    parseHttpDate(text);
  }));
});

Deno.test("dates: a date with one character changed is a real date or none", () => {
  fc.assert(
    fc.property(anySecond, fc.nat(28), fc.string({ minLength: 1, maxLength: 1 }), (ms, at, c) => {
      const text = formatHttpDate(ms);
      const changed = text.slice(0, at) + c + text.slice(at + 1);
      const read = parseHttpDate(changed);
      if (changed.includes(":60 ")) return;
      if (read !== undefined) assert.equal(formatHttpDate(read).slice(4), changed.slice(4));
    }),
  );
});
