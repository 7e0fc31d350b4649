/**
 * A compressed body that grows beyond `max_output_bytes`. Its answer has begun and is cut off (spec 02
 * section 12); also where the body is small enough that all of it was known before.
 *
 * @module
 */
import { type Body, BodyError } from "../../http/body.ts";

/** What ends such an answer. */
export function tooMuch(): BodyError {
  return new BodyError(500, "the compressed body exceeds max_output_bytes");
}

/** The body of such an answer, when it is known from the start. */
export const TOO_MUCH: Body = {
  length: undefined,
  trailers: undefined,
  read() {
    throw tooMuch();
  },
  cancel() {},
};
