/**
 * A TLS handshake in memory. What looks right in a certificate is not all that the TLS library looks at. It
 * does so in every handshake anew, and does not report what it does not like: clients just fail. So a pair
 * shows what it is worth before it is taken up.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, X509Certificate } from "node:crypto";
import { Duplex } from "node:stream";
import { connect, createServer } from "node:tls";
import { criticalExtensions } from "./critical_extensions.ts";
import type { KeyPair } from "./spec.ts";

/** Longest that a proof may take; nothing in it waits for a peer. */
const PROOF_TIMEOUT_MS = 10_000;

/** Most pairs whose proof is remembered: with their names the largest configuration's, twice. */
const MAX_REMEMBERED = 4_096;

/** Digests of what has been proved: a reload proves what is new. */
const proved = new Set<string>();

/** Critical extensions that the TLS library knows; it refuses a certificate that has others. */
const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set([
  "2.5.29.15", // keyUsage
  "2.5.29.17", // subjectAltName
  "2.5.29.19", // basicConstraints
  "2.5.29.30", // nameConstraints
  "2.5.29.31", // cRLDistributionPoints
  "2.5.29.37", // extKeyUsage
]);

/** A pair to be proved, and where it comes from. */
export interface NamedPair {
  /** Key path of the certificate's path. */
  readonly key: string;
  /** That path. */
  readonly path: string;
  readonly pair: KeyPair;
}

/** Proves each pair once, whatever names it; gives one problem for each that fails, at its first name. */
export async function provePairs(
  named: readonly NamedPair[],
  clientRoots?: string,
): Promise<{ readonly key: string; readonly message: string; readonly hint: string }[]> {
  const problems = [];
  const seen = new Set<string>();
  for (const { key, path, pair } of named) {
    const digest = digestOf(pair, clientRoots);
    if (proved.has(digest) || seen.has(digest)) continue;
    seen.add(digest);
    const fault = await pairFault(pair, clientRoots);
    if (fault === undefined) {
      if (proved.size >= MAX_REMEMBERED) proved.clear();
      proved.add(digest);
    } else {
      const hint = "the authority that issued it can issue one without unusual critical extensions";
      problems.push({ key, message: `${path} ${fault}`, hint });
    }
  }
  return problems;
}

function digestOf({ cert, key }: KeyPair, clientRoots = ""): string {
  return createHash("sha256").update([cert, key, clientRoots].join("\0")).digest("base64");
}

/**
 * Shakes hands with a server that shows `pair`, which is no worse proof for a client that does.
 *
 * @param clientRoots PEM bundle of the authorities that clients are asked for.
 * @returns Why no client could, as the rest of a sentence about the certificate; `undefined` if they can.
 */
export async function pairFault(pair: KeyPair, clientRoots?: string): Promise<string | undefined> {
  const fault = await handshakeFault(pair, clientRoots);
  if (fault === undefined) return undefined;
  const unknown = criticalExtensions(new X509Certificate(pair.cert).raw)
    .filter((oid) => !KNOWN_EXTENSIONS.has(oid));
  const why = unknown.length === 0
    ? `"${fault}"`
    : `it has the critical extension ${unknown.join(", ")}, which the TLS library does not know`;
  return `cannot be served, every TLS handshake with it fails: ${why}`;
}

async function handshakeFault(pair: KeyPair, clientRoots?: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const fail = (error: Error) => resolve(error.message);
  const [near, far] = memoryPair();
  const timer = setTimeout(() => resolve("no handshake in time"), PROOF_TIMEOUT_MS);
  try {
    const server = createServer({
      cert: pair.cert,
      key: pair.key,
      ca: clientRoots,
      requestCert: clientRoots !== undefined,
      rejectUnauthorized: false,
    });
    server.on("tlsClientError", fail);
    server.on("secureConnection", (socket) => {
      socket.on("error", fail);
      socket.end();
    });
    server.emit("connection", near);
    const client = connect({ socket: far, rejectUnauthorized: false });
    client.on("error", fail);
    client.on("close", () => resolve("the connection was closed"));
    // The server has sent all of its part by then.
    client.on("end", () => resolve(undefined));
    client.resume();
    return await promise;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
    near.destroy();
    far.destroy();
  }
}

/** Two ends of a connection without a socket. */
function memoryPair(): [Duplex, Duplex] {
  const near = new End();
  const far = new End();
  near.other = far;
  far.other = near;
  return [near, far];
}

class End extends Duplex {
  other: End | undefined;
  #goOn: (() => void) | undefined;

  override _read(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    const { other } = this;
    if (other === undefined || other.push(Buffer.from(chunk))) done();
    else other.#goOn = done;
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }
}
