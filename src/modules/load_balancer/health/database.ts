/**
 * Databases as they greet: no credentials, no query (spec 03 section 12.8).
 *
 * @module
 */
import { dialed, exchange } from "./dialing.ts";
import { fail, PASS, type ProbeProtocol, type ProbeResult } from "./probe.ts";

const PING = new TextEncoder().encode("*1\r\n$4\r\nPING\r\n");
const PONG = "+PONG\r\n";
const MAX_PONG = 64;

/** Answers `PING`; one that wants a password does not. */
export const redis: ProbeProtocol = {
  name: "redis",
  open: (context) => ({
    check: (address) =>
      dialed(context, address, async (stream) => {
        const bytes = await exchange(stream, PING, MAX_PONG, (seen) => seen.includes(10));
        const line = String.fromCharCode(...bytes);
        return line.startsWith(PONG) ? PASS : fail("it did not answer PONG");
      }),
  }),
};

/** Bytes before the payload of a packet: its length and its number. */
const MYSQL_HEAD = 4;
const MAX_GREETING = 1024;
const PROTOCOL_10 = 10;

/** Greets with version 10 of its protocol and the name of its own version. */
export const mysql: ProbeProtocol = {
  name: "mysql",
  open: (context) => ({
    check: (address) =>
      dialed(context, address, async (stream) => {
        const isWhole = (seen: Uint8Array): boolean =>
          seen.length >= MYSQL_HEAD && seen.length >= MYSQL_HEAD + lengthOf(seen);
        const bytes = await exchange(stream, undefined, MYSQL_HEAD + MAX_GREETING, isWhole);
        return judgeGreeting(bytes);
      }),
  }),
};

function lengthOf(packet: Uint8Array): number {
  return packet[0] | (packet[1] << 8) | (packet[2] << 16);
}

function judgeGreeting(bytes: Uint8Array): ProbeResult {
  if (bytes.length < MYSQL_HEAD) return fail("it sent no greeting");
  const length = lengthOf(bytes);
  if (length < 1 || length > MAX_GREETING || bytes[3] !== 0) return fail("its greeting is not one");
  const payload = bytes.subarray(MYSQL_HEAD, MYSQL_HEAD + length);
  if (payload.length < length) return fail("its greeting breaks off");
  if (payload[0] !== PROTOCOL_10 || payload.indexOf(0, 1) < 0) {
    return fail("its greeting is not of protocol 10");
  }
  return PASS;
}

/** `SSLRequest`, which is answered before a client has said who it is. */
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);

/** Says whether it speaks TLS, either way. */
export const postgres: ProbeProtocol = {
  name: "postgres",
  open: (context) => ({
    check: (address) =>
      dialed(context, address, async (stream) => {
        const [byte] = await exchange(stream, SSL_REQUEST, 1, (seen) => seen.length === 1);
        const isAnswer = byte === 0x53 || byte === 0x4e;
        return isAnswer ? PASS : fail("it did not answer the TLS request");
      }),
  }),
};
