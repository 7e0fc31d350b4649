/**
 * As much of a DNS message as it takes to know which question an answer belongs to (RFC 1035 section 4.1, RFC 5452
 * section 9).
 *
 * @module
 */

const HEADER_BYTES = 12;
const TYPE_AND_CLASS_BYTES = 4;
const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
const RESPONSE = 0x80;
const FORMAT_ERROR = 1;

/** Id of a message. */
export function idOf(message: Uint8Array): number {
  return message[0] << 8 | message[1];
}

/** Gives a message another id. */
export function setId(message: Uint8Array, id: number): void {
  message[0] = id >> 8;
  message[1] = id & 0xff;
}

/** Whether it is an answer and no question. */
export function isAnswer(message: Uint8Array): boolean {
  return message.length >= HEADER_BYTES && (message[2] & RESPONSE) !== 0;
}

/**
 * Name, type and class of the one question of a message, as they are written.
 *
 * @returns `undefined` where it does not have exactly one, or that is not complete.
 */
export function questionOf(message: Uint8Array): Uint8Array | undefined {
  if (message.length < HEADER_BYTES || (message[4] << 8 | message[5]) !== 1) return undefined;
  let at = HEADER_BYTES;
  for (;;) {
    const length = message[at];
    // A question is the first name of its message: there is nothing that it could point back to.
    if (length === undefined || length > MAX_LABEL_BYTES) return undefined;
    at += 1 + length;
    if (at - HEADER_BYTES > MAX_NAME_BYTES) return undefined;
    if (length === 0) break;
  }
  const end = at + TYPE_AND_CLASS_BYTES;
  return end <= message.length ? message.subarray(HEADER_BYTES, end) : undefined;
}

/** Whether `message` answers the question that was asked with `id`; servers repeat it to the letter. */
export function answers(message: Uint8Array, id: number, question: Uint8Array): boolean {
  if (!isAnswer(message) || idOf(message) !== id) return false;
  const repeated = questionOf(message);
  // A server that could not read the question may leave it out.
  if (repeated === undefined) {
    return (message[3] & 0x0f) === FORMAT_ERROR && (message[4] << 8 | message[5]) === 0;
  }
  if (repeated.length !== question.length) return false;
  for (let at = 0; at < question.length; at++) if (repeated[at] !== question[at]) return false;
  return true;
}
