import assert from "node:assert/strict";
import fc from "fast-check";
import { logLine, parseThreshold, passes, quoted } from "./lines.ts";

Deno.test("a JSON record is one object with its fields in order", () => {
  assert.equal(
    logLine("json", 1700000000123, "warn", "fluxheim::security", 'a "b"\n'),
    '{"timestamp":1700000000123,"level":"WARN","target":"fluxheim::security","message":"a \\"b\\"\\n"}\n',
  );
});

Deno.test("a text record is time, level, target and message", () => {
  assert.equal(logLine("text", 12, "info", "fluxheim", 'a "b"'), '12 INFO fluxheim: a "b"\n');
});

Deno.test("a text record stays one line whatever its message holds", () => {
  assert.equal(
    logLine("text", 1, "error", "fluxheim", "a\r\n2 INFO fluxheim: forged\x1b[2J\x9b"),
    "1 ERROR fluxheim: a\\r\\n2 INFO fluxheim: forged\\u001b[2J\\u009b\n",
  );
});

Deno.test("only the five named escapes are short", () => {
  assert.equal(quoted('"\\\n\r\t\b\f\0\x7f'), '"\\"\\\\\\n\\r\\t\\u0008\\u000c\\u0000\\u007f"');
});

Deno.test("one character that must be escaped is enough", () => {
  for (const character of ['"', "\\", "\0", "\x1f", "\x7f", "\x9f"]) {
    const line = quoted(`a${character}b`);
    assert.match(line, /^"a\\.+b"$/, line);
    assert.equal(JSON.parse(line), `a${character}b`);
  }
});

Deno.test("a quoted string parses to itself", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.equal(JSON.parse(quoted(text)), text);
  }));
});

Deno.test("a threshold lets its own level and the more severe ones through", () => {
  assert.deepEqual(
    [
      passes("warn", "error"),
      passes("warn", "warn"),
      passes("warn", "info"),
      passes("off", "error"),
    ],
    [true, true, false, false],
  );
});

Deno.test("a threshold is read in any case, and nothing else is one", () => {
  assert.deepEqual([" Debug ", "off", "verbose", ""].map(parseThreshold), [
    "debug",
    "off",
    undefined,
    undefined,
  ]);
});
