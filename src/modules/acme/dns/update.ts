/**
 * Dynamic updates of a zone (RFC 2136) over TCP, signed with a shared key (TSIG, RFC 8945): one TXT record is added, or
 * one value of it is removed.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { splitAuthority } from "../../../http/authority.ts";
import { decodeHmacKey } from "../issuers.ts";
import { readIfThere } from "../store/files.ts";
import type { EnabledAcme } from "../table.ts";
import type { TxtRecord } from "./txt_record.ts";

type UpdateConfig = NonNullable<EnabledAcme["dns"]["update"]>;

const SOA = 6;
const TXT = 16;
const TSIG = 250;
const IN = 1;
/** Of a record whose value is to be removed. */
const NONE = 254;
const ANY = 255;
/** The opcode of updates in the flags of a message. */
const UPDATE = 5 << 11;
const TTL_SECS = 60;
/** Seconds that clocks may differ. */
const FUDGE_SECS = 300;
const LIMIT_MS = 10_000;
const MAX_KEY_BYTES = 4096;
const DIGESTS = {
  "hmac-sha256": "sha256",
  "hmac-sha384": "sha384",
  "hmac-sha512": "sha512",
} as const;
const CODES = [
  "",
  "FORMERR",
  "SERVFAIL",
  "NXDOMAIN",
  "NOTIMP",
  "REFUSED",
  "YXDOMAIN",
  "YXRRSET",
  "NXRRSET",
  "NOTAUTH",
  "NOTZONE",
];

/** @throws {Error} When the server does not take it. */
export async function changeRecord(
  config: UpdateConfig,
  action: "present" | "cleanup",
  record: TxtRecord,
): Promise<void> {
  const content = readIfThere(config.key_file, MAX_KEY_BYTES);
  const key = content === undefined ? undefined : decodeHmacKey(new TextDecoder().decode(content));
  if (key === undefined) throw new Error(`${config.key_file} has no key in base64`);
  const id = crypto.getRandomValues(new Uint16Array(1))[0];
  const message = updateMessage(id, config.zone, action, record);
  const { signed, mac } = sign(message, id, config, key);
  const answer = await exchange(config.server, signed);
  const code = answer.length < 12 ? -1 : answer[3] & 15;
  if (code < 0 || (answer[0] << 8 | answer[1]) !== id) {
    throw new Error(`${config.server} answers wrongly`);
  }
  if (code !== 0) {
    throw new Error(
      `${config.server} refuses the update of ${config.zone}: ${CODES[code] ?? code}`,
    );
  }
  if (!isSigned(answer, mac, config, key)) {
    throw new Error(`the answer of ${config.server} is not signed with the key ${config.key_name}`);
  }
}

function updateMessage(
  id: number,
  zone: string,
  action: "present" | "cleanup",
  { name, value }: TxtRecord,
): Uint8Array {
  const text = new TextEncoder().encode(value);
  const data = Uint8Array.of(text.length, ...text);
  const isAdded = action === "present";
  return bytesOf(
    // Id, flags, one zone, no condition, one change, nothing else.
    u16(id, UPDATE, 1, 0, 1, 0),
    nameBytes(zone),
    u16(SOA, IN),
    nameBytes(name),
    u16(TXT, isAdded ? IN : NONE),
    u32(isAdded ? TTL_SECS : 0),
    u16(data.length),
    data,
  );
}

/** Adds the signature (RFC 8945 section 4.2). */
function sign(
  message: Uint8Array,
  id: number,
  { key_name, key_algorithm }: UpdateConfig,
  key: Uint8Array,
): { readonly signed: Uint8Array; readonly mac: Uint8Array } {
  const time = timeBytes(Math.floor(Date.now() / 1000));
  const [name, algorithm] = [nameBytes(key_name), nameBytes(key_algorithm)];
  const variables = bytesOf(name, u16(ANY), u32(0), algorithm, time, u16(FUDGE_SECS, 0, 0));
  const mac = new Uint8Array(
    createHmac(DIGESTS[key_algorithm], key).update(message).update(variables).digest(),
  );
  const data = bytesOf(algorithm, time, u16(FUDGE_SECS, mac.length), mac, u16(id, 0, 0));
  const record = bytesOf(name, u16(TSIG, ANY), u32(0), u16(data.length), data);
  const signed = bytesOf(message, record);
  // One additional record.
  signed[11] = 1;
  return { signed, mac };
}

/** Whether an answer is the server's own (RFC 8945 section 5.3). Only the shape that answers to updates have is read. */
function isSigned(
  answer: Uint8Array,
  requestMac: Uint8Array,
  { key_name, key_algorithm }: UpdateConfig,
  key: Uint8Array,
): boolean {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  if (view.getUint16(10) !== 1) return false;
  const [name, algorithm] = [nameBytes(key_name), nameBytes(key_algorithm)];
  const size = createHmac(DIGESTS[key_algorithm], key).digest().length;
  // Type, class, TTL and length; time, fudge, length of the signature, it, id, error, no other data.
  const record = name.length + 10 + algorithm.length + 6 + 2 + 2 + size + 2 + 2 + 2;
  const at = answer.length - record;
  if (at < 12) return false;
  const timeAt = at + name.length + 10 + algorithm.length;
  const macAt = timeAt + 10;
  const unsigned = answer.slice(0, at);
  unsigned[11] = 0;
  const variables = bytesOf(
    name,
    u16(ANY),
    u32(0),
    algorithm,
    answer.subarray(timeAt, timeAt + 8),
    answer.subarray(macAt + size + 2, macAt + size + 6),
  );
  const expected = createHmac(DIGESTS[key_algorithm], key)
    .update(u16(requestMac.length)).update(requestMac).update(unsigned).update(variables).digest();
  return timingSafeEqual(expected, answer.subarray(macAt, macAt + size));
}

async function exchange(server: string, message: Uint8Array): Promise<Uint8Array> {
  const address = splitAuthority(server);
  if (address?.port === undefined) throw new Error(`${server} has no port`);
  let connection: Deno.TcpConn | undefined;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    connection?.close();
  }, LIMIT_MS);
  try {
    connection = await Deno.connect({ hostname: address.host, port: address.port });
    const framed = bytesOf(u16(message.length), message);
    for (let at = 0; at < framed.length;) at += await connection.write(framed.subarray(at));
    const length = await read(connection, 2);
    return await read(connection, length[0] << 8 | length[1]);
  } catch (error) {
    if (isLate) throw new Error(`${server} has not answered in ${LIMIT_MS / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
    try {
      connection?.close();
    } catch {
      // The time limit has closed it.
    }
  }
}

async function read(connection: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) throw new Error("the server has ended the connection");
    at += count;
  }
  return bytes;
}

/** A name without compression; labels are at most 63 bytes, which a checked name has. */
function nameBytes(name: string): Uint8Array {
  const labels = name.replace(/\.$/, "").toLowerCase().split(".");
  return bytesOf(
    ...labels.map((label) => Uint8Array.of(label.length, ...new TextEncoder().encode(label))),
    Uint8Array.of(0),
  );
}

function timeBytes(secs: number): Uint8Array {
  return bytesOf(u16(Math.floor(secs / 2 ** 32)), u32(secs % 2 ** 32));
}

function u16(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8 & 255, value & 255]));
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function bytesOf(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
