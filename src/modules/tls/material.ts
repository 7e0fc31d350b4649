/** From a configuration and the files it names to what listeners show (spec 05 section 3.1). @module */
import type { Config } from "../../config/types.ts";
import { contentOf } from "../../gateway/exchange/file_content.ts";
import type { FileRequest, Files } from "../../gateway/module.ts";
import { certificatesIn, checkPair, PemError, pemOf } from "../../net/tls/key_pair.ts";
import type { KeyPair, TlsListenerSpec, TlsMaterial } from "../../net/tls/spec.ts";
import { lowestVersion, offeredProtocols } from "./policy.ts";
import type { PairPaths } from "./schema.ts";
import { enabledTls, fallbackOf, sourcesOf } from "./sources.ts";

/** Largest certificate file, chain included (spec 05 section 6.5). */
export const MAX_CERT_BYTES = 1024 * 1024;
/** Largest key file. */
export const MAX_KEY_BYTES = 128 * 1024;
/**
 * Most of a bundle for client certificates, DER. The runtime sends it to every client, after the chain
 * of the listener, and clients in wide use refuse more than 64 KiB of certificates.
 */
const MAX_CLIENT_ROOT_BYTES = 48 * 1024;
/** Time for a handshake (spec 01 section 3.7). */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/** Every file that listeners need, each with the key that names it. */
export function tlsFiles(config: Config): FileRequest[] {
  const files = sourcesOf(config).flatMap(({ paths, key }): FileRequest[] => [
    { path: paths.cert_path, key: `${key}.cert_path`, maxBytes: MAX_CERT_BYTES },
    {
      path: paths.key_path,
      key: `${key}.key_path`,
      maxBytes: MAX_KEY_BYTES,
      isPrivateKey: true,
    },
  ]);
  const roots = clientRootsPath(config);
  if (roots !== undefined) {
    files.push({ path: roots, key: "tls.client_auth.ca_path", maxBytes: MAX_CERT_BYTES });
  }
  return files;
}

/** The bundle for client certificates, when clients are asked for one. */
export function clientRootsPath(config: Config): string | undefined {
  const tls = enabledTls(config);
  return tls === undefined || tls.client_auth.mode === "off" ? undefined : tls.client_auth.ca_path;
}

/**
 * What the TLS listeners of `config` show and ask for; `undefined` without TLS.
 *
 * @param files Content of {@linkcode tlsFiles}.
 * @throws {Error} when `checkTlsFiles` has something against them, which is a fault of the program.
 */
export function listenerTlsOf(config: Config, files: Files): TlsListenerSpec | undefined {
  const tls = enabledTls(config);
  if (tls === undefined) return undefined;
  return {
    material: materialOf(config, files),
    alpn: offeredProtocols(tls),
    minVersion: lowestVersion(tls),
    clientAuth: tls.client_auth.mode,
    needsFacts: readsTlsFacts(config),
    fastListener: tls.fast_listener,
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
  };
}

function materialOf(config: Config, files: Files): TlsMaterial {
  const pairs: KeyPair[] = [];
  const indices = new Map<string, number>();
  const indexOf = (paths: PairPaths): number => {
    const known = indices.get(`${paths.cert_path}\0${paths.key_path}`);
    if (known !== undefined) return known;
    const index = pairs.push(pairOf(paths, files)) - 1;
    indices.set(`${paths.cert_path}\0${paths.key_path}`, index);
    return index;
  };
  const fallback = fallbackOf(config);
  const fallbackIndex = fallback === undefined ? undefined : indexOf(fallback);
  const names = sourcesOf(config).flatMap(({ paths, hosts }) =>
    hosts.map((host) => [host, indexOf(paths)] as const)
  );
  const roots = clientRootsPath(config);
  return {
    pairs,
    fallback: fallbackIndex,
    names,
    clientRoots: roots === undefined ? undefined : clientRootsIn(contentOf(files, roots)),
  };
}

/**
 * The bundle for client certificates, cleaned.
 *
 * @throws {PemError} also for one that would keep clients away.
 */
export function clientRootsIn(file: Uint8Array): string {
  const roots = certificatesIn(file);
  const size = roots.reduce((sum, { raw }) => sum + raw.length, 0);
  if (size > MAX_CLIENT_ROOT_BYTES) {
    throw new PemError(
      `has ${size} bytes of certificates: this runtime sends them all to every client, and more ` +
        `than ${MAX_CLIENT_ROOT_BYTES} bytes would be refused; keep the authorities that issue ` +
        "client certificates",
    );
  }
  return roots.map(pemOf).join("");
}

/** @throws {Error} when `checkTlsFiles` has something against the pair, which is a fault of the program. */
export function pairOf({ cert_path, key_path }: PairPaths, files: Files): KeyPair {
  const { pair, findings } = checkPair(
    contentOf(files, cert_path),
    contentOf(files, key_path),
    [],
    Date.now(),
  );
  if (pair !== undefined) return pair;
  const [{ file, message }] = findings;
  throw new Error(`${file === "cert" ? cert_path : key_path} ${message}`);
}

/**
 * Whether a header template shows version or cipher. Read by shape: a build with TLS need not have
 * the headers module. The access log shows them only where they are known anyway.
 */
function readsTlsFacts(config: Config): boolean {
  const scopes: object[] = [config, ...config.vhosts, ...config.vhosts.flatMap((v) => v.routes)];
  return scopes.some((scope) => {
    const headers = JSON.stringify(Reflect.get(scope, "headers")) ?? "";
    return headers.includes("{tls.version}") || headers.includes("{tls.cipher}");
  });
}
