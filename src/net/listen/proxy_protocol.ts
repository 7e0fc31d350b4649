/**
 * The PROXY protocol, versions 1 and 2: reading the header a trusted proxy puts before everything else
 * on a connection (spec 01 section 2.3), and writing it to an upstream (spec 02 section 9.7). The
 * wire format is HAProxy's `proxy-protocol.txt`.
 *
 * @module
 */
import { canonicalIp, formatIp, type IpFamily, parseIp } from "../ip.ts";

/** Which header a listener expects or an upstream gets. */
export type ProxyVersion = "v1" | "v2";

/** One end of a connection. */
export interface Endpoint {
  /** Canonical IP text. */
  readonly address: string;
  readonly port: number;
}

/** What came of reading the first bytes of a connection. */
export type ProxyHeader =
  /** Right so far; more bytes are needed. */
  | { readonly state: "partial" }
  /** The header took `length` bytes. Without a source the connection speaks for itself. */
  | { readonly state: "complete"; readonly length: number; readonly source: Endpoint | undefined }
  /** Not a header of this version, or one the spec refuses: drop the connection. */
  | { readonly state: "invalid" };

/** Longest v1 line with its CRLF (spec 01 section 2.3). */
const MAX_V1_BYTES = 108;
/** Longest v2 payload: addresses and TLVs (spec 01 section 2.3). */
const MAX_V2_PAYLOAD = 4096;
/** Longest header of either version. */
export const MAX_HEADER_BYTES = 16 + MAX_V2_PAYLOAD;

const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10);
const V1_START = "PROXY ";
const TCP4 = 0x11;
const TCP6 = 0x21;

const INVALID: ProxyHeader = { state: "invalid" };
const PARTIAL: ProxyHeader = { state: "partial" };

const words = new Uint32Array(4);

/** Reads a header of `version` from the first `length` bytes received. */
export function parseProxyHeader(
  version: ProxyVersion,
  bytes: Uint8Array,
  length: number,
): ProxyHeader {
  return version === "v1" ? parseV1(bytes, length) : parseV2(bytes, length);
}

function parseV1(bytes: Uint8Array, length: number): ProxyHeader {
  const limit = Math.min(length, MAX_V1_BYTES);
  let line = "";
  for (let i = 0; i < limit; i++) {
    const byte = bytes[i];
    if (byte === 13) {
      if (i + 1 === limit) break;
      return bytes[i + 1] === 10 ? parseLine(line, i + 2) : INVALID;
    }
    if (byte < 32 || byte > 126) return INVALID;
    if (i < V1_START.length && byte !== V1_START.charCodeAt(i)) return INVALID;
    line += String.fromCharCode(byte);
  }
  return limit === MAX_V1_BYTES ? INVALID : PARTIAL;
}

function parseLine(line: string, length: number): ProxyHeader {
  const fields = line.split(" ");
  if (fields[1] === "UNKNOWN") return { state: "complete", length, source: undefined };
  if (fields.length !== 6 || (fields[1] !== "TCP4" && fields[1] !== "TCP6")) return INVALID;
  const v6 = fields[1] === "TCP6";
  const address = addressOf(fields[2], v6);
  const port = portOf(fields[4]);
  if (address === undefined || port === undefined) return INVALID;
  if (addressOf(fields[3], v6) === undefined || portOf(fields[5]) === undefined) return INVALID;
  return { state: "complete", length, source: { address, port } };
}

/** Canonical text of an address written in the given family; a mapped one becomes IPv4 afterwards. */
function addressOf(text: string, v6: boolean): string | undefined {
  return text.includes(":") === v6 ? canonicalIp(text) : undefined;
}

function portOf(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

function parseV2(bytes: Uint8Array, length: number): ProxyHeader {
  for (let i = 0; i < Math.min(length, SIGNATURE.length); i++) {
    if (bytes[i] !== SIGNATURE[i]) return INVALID;
  }
  if (length < 16) return PARTIAL;
  const command = bytes[12];
  const family = bytes[13];
  const payload = bytes[14] << 8 | bytes[15];
  if (command !== 0x20 && command !== 0x21) return INVALID;
  if (payload > MAX_V2_PAYLOAD) return INVALID;
  if (command === 0x21) {
    if (family !== TCP4 && family !== TCP6 && family !== 0) return INVALID;
    if (payload < (family === TCP4 ? 12 : family === TCP6 ? 36 : 0)) return INVALID;
  }
  const total = 16 + payload;
  if (length < total) return PARTIAL;
  const source = command === 0x20 || family === 0 ? undefined : sourceOf(bytes, family === TCP6);
  return { state: "complete", length: total, source };
}

function sourceOf(bytes: Uint8Array, v6: boolean): Endpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + 16);
  for (let i = 0; i < (v6 ? 4 : 1); i++) words[i] = view.getUint32(4 * i);
  const text = formatIp(v6 ? 6 : 4, words);
  return { address: canonicalIp(text) ?? text, port: view.getUint16(v6 ? 32 : 8) };
}

const encoder = new TextEncoder();

/**
 * The header that names the client to an upstream.
 *
 * @param source The effective client; `undefined` when unknown.
 * @param destination The local address the client connected to.
 * @returns A header that names no addresses when one is missing or no IP address, or their families
 * differ.
 */
export function encodeProxyHeader(
  version: ProxyVersion,
  source: Endpoint | undefined,
  destination: Endpoint | undefined,
): Uint8Array {
  const from = new Uint32Array(4);
  const to = new Uint32Array(4);
  let family: IpFamily = source === undefined ? 0 : parseIp(source.address, from);
  if (destination === undefined || parseIp(destination.address, to) !== family) family = 0;
  if (source === undefined || destination === undefined || family === 0) {
    return version === "v1"
      ? encoder.encode("PROXY UNKNOWN\r\n")
      : Uint8Array.of(...SIGNATURE, 0x21, 0, 0, 0);
  }
  if (version === "v1") {
    return encoder.encode(
      `PROXY TCP${family} ${formatIp(family, from)} ${formatIp(family, to)} ` +
        `${source.port} ${destination.port}\r\n`,
    );
  }
  const size = family === 4 ? 4 : 16;
  const header = new Uint8Array(16 + 2 * size + 4);
  const view = new DataView(header.buffer);
  header.set(SIGNATURE);
  header[12] = 0x21;
  header[13] = family === 4 ? TCP4 : TCP6;
  view.setUint16(14, header.length - 16);
  for (let i = 0; i < size / 4; i++) {
    view.setUint32(16 + 4 * i, from[i]);
    view.setUint32(16 + size + 4 * i, to[i]);
  }
  view.setUint16(16 + 2 * size, source.port);
  view.setUint16(18 + 2 * size, destination.port);
  return header;
}
