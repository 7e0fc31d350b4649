/**
 * A client of the admin API and of the ops socket, for commands: one request a connection.
 *
 * @module
 */
import type { Plain } from "../../../gateway/threads/thread.ts";
import { splitAuthority } from "../../../http/authority.ts";

/** Most bytes of an answer. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;
/** Longest wait for an answer: a reload waits for workers. */
const LIMIT_MS = 70_000;

/** Where a gateway is asked, and with what. */
export interface Target {
  /** `127.0.0.1:9090`, or the path of a unix socket. */
  readonly address: { readonly listen: string } | { readonly socket: string };
  readonly token: string | undefined;
}

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly body: { readonly [key: string]: Plain };
}

/** Why there is no answer; its text is for a person. */
export class Unreachable extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Unreachable";
  }
}

/** For messages: `127.0.0.1:9090`, `unix:/run/fluxheim/fluxheim-ops.sock`. */
export function nameOf({ address }: Target): string {
  return "listen" in address ? address.listen : `unix:${address.socket}`;
}

/**
 * Asks once.
 *
 * @param path Below `/_fluxheim/`.
 * @throws {Unreachable} when there is no answer.
 */
export async function ask(
  target: Target,
  method: "GET" | "POST",
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const name = nameOf(target);
  let connection: Deno.Conn | undefined;
  const timer = setTimeout(() => connection?.close(), LIMIT_MS);
  try {
    connection = await connect(target);
    const lines = [
      `${method} /_fluxheim/${path} HTTP/1.1`,
      `Host: ${"listen" in target.address ? hostOf(target.address.listen) : "localhost"}`,
      "Connection: close",
      "Content-Length: 0",
      ...(target.token === undefined ? [] : [`Authorization: Bearer ${target.token}`]),
      ...Object.entries(headers).map(([field, value]) => `${field}: ${value}`),
    ];
    await writeAll(connection, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
    return read(await readAll(connection), name);
  } catch (error) {
    if (error instanceof Unreachable) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Unreachable(`${name} does not answer: ${reason}`);
  } finally {
    clearTimeout(timer);
    try {
      connection?.close();
    } catch {
      // It has been closed already.
    }
  }
}

function connect({ address }: Target): Promise<Deno.Conn> {
  if ("socket" in address) return Deno.connect({ transport: "unix", path: address.socket });
  const parts = splitAuthority(address.listen);
  if (parts?.port === undefined) throw new Unreachable(`${address.listen} has no port`);
  return Deno.connect({ hostname: reachable(parts.host), port: parts.port });
}

/** What listens on all addresses is reached on loopback. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function hostOf(listen: string): string {
  const { host = "", port } = splitAuthority(listen) ?? {};
  const name = reachable(host);
  return name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

async function readAll(connection: Deno.Conn): Promise<string> {
  const bytes = new Uint8Array(MAX_ANSWER_BYTES);
  let length = 0;
  while (length < bytes.length) {
    const count = await connection.read(bytes.subarray(length));
    if (count === null) return new TextDecoder().decode(bytes.subarray(0, length));
    length += count;
  }
  throw new Error(`the answer has more than ${MAX_ANSWER_BYTES} bytes`);
}

function read(text: string, name: string): Answer {
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
  const at = text.indexOf("\r\n\r\n");
  if (Number.isNaN(status) || at < 0) throw new Unreachable(`${name} does not speak HTTP`);
  const body = text.slice(at + 4);
  try {
    const parsed: unknown = body === "" ? {} : JSON.parse(body);
    if (isBody(parsed)) return { status, body: parsed };
  } catch {
    // Said below.
  }
  throw new Unreachable(`${name} is no admin API: its answer is not JSON`);
}

function isBody(value: unknown): value is Answer["body"] {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
