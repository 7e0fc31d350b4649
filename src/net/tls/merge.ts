/**
 * What several modules have TLS listeners show and ask for, as one.
 *
 * @module
 */
import type { KeyPair, TlsListenerSpec, TlsMaterial } from "./spec.ts";

/** From the laxest to the strictest. */
const CLIENT_AUTH = ["off", "optional", "required"] as const;

/**
 * Joins the parts of several modules: all certificates, all protocols; of rules the strictest, of time limits
 * the shortest. Where two say something of the same name, the first one holds. `undefined` for no part.
 */
export function mergeTls(parts: readonly TlsListenerSpec[]): TlsListenerSpec | undefined {
  if (parts.length < 2) return parts[0];
  return parts.reduce((one, other) => ({
    material: mergeMaterial(one.material, other.material),
    alpn: [...new Set([...one.alpn, ...other.alpn])],
    minVersion: one.minVersion > other.minVersion ? one.minVersion : other.minVersion,
    clientAuth: CLIENT_AUTH[
      Math.max(CLIENT_AUTH.indexOf(one.clientAuth), CLIENT_AUTH.indexOf(other.clientAuth))
    ],
    needsFacts: one.needsFacts || other.needsFacts,
    fastListener: one.fastListener && other.fastListener,
    handshakeTimeoutMs: Math.min(one.handshakeTimeoutMs, other.handshakeTimeoutMs),
  }));
}

function mergeMaterial(one: TlsMaterial, other: TlsMaterial): TlsMaterial {
  const pairs: KeyPair[] = [...one.pairs];
  const indices = other.pairs.map((pair) => {
    const known = pairs.findIndex(({ cert, key }) => cert === pair.cert && key === pair.key);
    return known >= 0 ? known : pairs.push(pair) - 1;
  });
  const named = new Set(one.names.map(([pattern]) => pattern));
  const more = other.names.filter(([pattern]) => !named.has(pattern));
  const { fallback = other.fallback === undefined ? undefined : indices[other.fallback] } = one;
  const roots = [one.clientRoots, other.clientRoots].filter((bundle) => bundle !== undefined);
  return {
    pairs,
    fallback,
    names: [...one.names, ...more.map(([pattern, pair]) => [pattern, indices[pair]] as const)],
    clientRoots: roots.length === 0 ? undefined : roots.join(""),
  };
}
