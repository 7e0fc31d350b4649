/**
 * What the tests of TLS listeners have in common: certificates, the two terminators, and how a connection ends.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ConnectionOptions } from "node:tls";
import type { Accepted } from "../listen/listener.ts";
import type { TlsListenerSpec, TlsMaterial } from "../tls/spec.ts";
import { type Issued, TestAuthority } from "./certificates.ts";
import type { ListenerBench } from "./listener_bench.ts";
import { TlsClient } from "./tls_client.ts";

/** The authority that signs the certificates of servers, and of clients that are known. */
export const authority = new TestAuthority();
/** Certificates for `a.test`, `b.test` and `c.test`. */
export const a = authority.issue({ name: "a.test" });
export const b = authority.issue({ name: "b.test" });
const c = authority.issue({ name: "c.test" });

/** What a listener shows: the first pair, where no name says otherwise. */
export function material(pairs: readonly Issued[], names: TlsMaterial["names"] = []): TlsMaterial {
  const roots = authority.root;
  return {
    pairs: pairs.map(({ cert, key }) => ({ cert, key })),
    fallback: 0,
    names,
    clientRoots: roots,
  };
}

/** A listener with one certificate. */
export const STATIC: TlsListenerSpec = {
  material: material([a]),
  alpn: ["h2", "http/1.1"],
  minVersion: "TLSv1.2",
  clientAuth: "off",
  needsFacts: false,
  fastListener: true,
  handshakeTimeoutMs: 5000,
};

/** A listener that chooses by name. */
export const NAMES: TlsListenerSpec = {
  ...STATIC,
  material: material([a, b, c], [["b.test", 1], ["*.c.test", 2]]),
};

/** The terminators, for what both must do. */
export const TERMINATORS = [["static", STATIC], ["names", NAMES]] as const;

/** Ends a connection from the gateway's side. */
export async function finish(accepted: Accepted, client: TlsClient): Promise<void> {
  accepted.stream.close();
  accepted.done();
  assert.equal(await client.read(), null, "the stream ends in order");
}

/** A client that is refused: in the handshake, or (TLS 1.3) when it believes to be done with it. */
export async function getsNothing(bench: ListenerBench, options: ConnectionOptions): Promise<void> {
  try {
    await using client = await TlsClient.connect(bench.listener.port, options);
    assert.equal(await client.read(), null);
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

/** Waits until a count that grows stands still. */
export async function settled(count: () => number): Promise<void> {
  for (let seen = -1; seen !== count();) {
    seen = count();
    for (let turns = 0; turns < 20; turns++) await new Promise((r) => setTimeout(r, 0));
  }
}
