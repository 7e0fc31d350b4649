/**
 * Objects that OpenBao's transit engine encrypts (spec 04 section 8.3): the whole object is one message.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { decodeHead, MAX_BEGINNING_BYTES, type ObjectHead } from "../object_file.ts";
import { associatedData, envelopeHead, MAX_ENVELOPE_BYTES, readEnvelope } from "./envelope.ts";
import {
  type Encoded,
  type ObjectFormat,
  type OpenedObject,
  readFully,
  type Source,
  type StoredBytes,
  type Unopened,
} from "./format.ts";
import { encodedHead } from "./plain.ts";

/** Objects in memory as a whole at a time, in bytes; past it they are not stored, and are missed. */
export const MAX_PLAINTEXT_BYTES: number = 64 * 1024 * 1024;

/** Encrypts and decrypts texts. */
export interface Transit {
  /** @returns The ciphertext as the engine writes it. @throws When it cannot. */
  encrypt(plaintext: string, associatedData: string): Promise<string>;
  /** @returns The plaintext; why there is none otherwise. */
  decrypt(
    ciphertext: string,
    associatedData: string,
  ): Promise<{ readonly plaintext: string } | "unavailable" | "refused">;
}

/** The format with a transit engine. */
export function transitSeal(keyId: string, transit: Transit, maxPlaintext: number): ObjectFormat {
  const budget = new ByteBudget(maxPlaintext);
  return {
    async encode(object: ObjectHead, body: Source): Promise<Encoded> {
      const head = encodedHead(object);
      const plain = new Uint8Array(head.length + body.length);
      const taken = budget.take(plain.length);
      if (!taken) throw new Error("too much is being encrypted at once");
      try {
        plain.set(head);
        let at = head.length;
        for (const piece of body.pieces()) {
          plain.set(piece, at);
          at += piece.length;
        }
        const text = await transit.encrypt(
          base64(plain),
          base64(associatedData(keyId, object.key)),
        );
        const ciphertext = Buffer.from(text, "latin1");
        const nonce = new Uint8Array(0);
        const before = envelopeHead({ keyId, key: object.key, nonce, bytes: ciphertext.length });
        return { bytes: before.length + ciphertext.length, pieces: () => [before, ciphertext] };
      } finally {
        budget.giveBack(plain.length);
      }
    },
    async open(key: string, stored: StoredBytes): Promise<OpenedObject | Unopened> {
      const envelope = readEnvelope(stored);
      if (envelope === undefined || envelope.key !== key || envelope.nonce.length > 0) {
        return "damaged";
      }
      if (envelope.keyId !== keyId) return "sealed";
      if (!budget.take(envelope.bytes)) return "sealed";
      try {
        const ciphertext = new Uint8Array(envelope.bytes);
        if (readFully(stored, ciphertext, envelope.at) < ciphertext.length) return "damaged";
        const text = Buffer.from(ciphertext).toString("latin1");
        if (!text.startsWith("vault:v")) return "damaged";
        const answer = await transit.decrypt(text, base64(associatedData(keyId, key)));
        if (answer === "unavailable") return "sealed";
        if (answer === "refused") return "damaged";
        const plain = new Uint8Array(Buffer.from(answer.plaintext, "base64"));
        const head = decodeHead(plain.subarray(0, MAX_BEGINNING_BYTES), plain.length);
        if (head === undefined || head.key !== key) return "damaged";
        return { head, body: () => head.bodyBytes === 0 ? [] : [plain.subarray(head.bodyAt)] };
      } finally {
        budget.giveBack(envelope.bytes);
      }
    },
    mostBytes: (bodyBytes) => MAX_ENVELOPE_BYTES + 1024 + 2 * (bodyBytes + MAX_BEGINNING_BYTES),
  };
}

/** Bytes that may be in use at once. */
class ByteBudget {
  #used = 0;
  constructor(readonly most: number) {}

  take(bytes: number): boolean {
    if (this.#used > 0 && this.#used + bytes > this.most) return false;
    this.#used += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
