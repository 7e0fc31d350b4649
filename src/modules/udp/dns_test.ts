import assert from "node:assert/strict";
import fc from "fast-check";
import { answers, idOf, isAnswer, questionOf, setId } from "./dns.ts";

/** A question for the address of `a.test`. */
const QUESTION = Uint8Array.of(
  ...[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
  ...[1, 97, 4, 116, 101, 115, 116, 0, 0, 1, 0, 1],
);

function changed(at: number, value: number, message: Uint8Array = QUESTION): Uint8Array {
  const copy = message.slice();
  copy[at] = value;
  return copy;
}

const ANSWER = changed(2, 0x81);

Deno.test("id and question of a message are found", () => {
  assert.equal(idOf(QUESTION), 0x1234);
  assert.deepEqual(questionOf(QUESTION), QUESTION.subarray(12));
  assert.equal(isAnswer(QUESTION), false);
  assert.equal(isAnswer(ANSWER), true);
  const other = QUESTION.slice();
  setId(other, 0xfffe);
  assert.equal(idOf(other), 0xfffe);
});

Deno.test("an answer has the id, and the question to the letter", () => {
  const question = questionOf(QUESTION)!;
  assert.ok(answers(ANSWER, 0x1234, question));
  assert.ok(!answers(ANSWER, 0x1235, question));
  assert.ok(!answers(QUESTION, 0x1234, question));
  // Another case is another question: clients use it as a secret.
  assert.ok(!answers(changed(13, 65, ANSWER), 0x1234, question));
  assert.ok(!answers(changed(21, 28, ANSWER), 0x1234, question));
});

Deno.test("a format error may leave the question out, and nothing else may", () => {
  const question = questionOf(QUESTION)!;
  const bare = changed(5, 0, ANSWER).subarray(0, 12);
  assert.ok(answers(changed(3, 1, bare), 0x1234, question));
  assert.ok(!answers(bare, 0x1234, question));
});

Deno.test("what is cut, has a pointer, or two questions has no question", () => {
  for (let length = 0; length < QUESTION.length; length++) {
    assert.equal(questionOf(QUESTION.subarray(0, length)), undefined, `${length}`);
  }
  assert.equal(questionOf(changed(12, 0xc0)), undefined);
  assert.equal(questionOf(changed(5, 2)), undefined);
  const long = new Uint8Array(600).fill(1);
  long.set(QUESTION.subarray(0, 12));
  assert.equal(questionOf(long), undefined);
});

Deno.test("no bytes make it fail", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const question = questionOf(bytes);
    assert.ok(question === undefined || question.length <= 255 + 5);
    answers(bytes, 1, question ?? bytes);
  }));
});
