/**
 * The files that TLS to upstreams needs (spec 02 section 9.1), for every module that has upstreams: which they
 * are, whether they are fit, and what the dialler gets of them. Unfit ones would fail every connection instead.
 *
 * @module
 */
import type { Problem } from "../config/types.ts";
import { certificatesIn, type CheckedPair, checkPair, PemError } from "../net/tls/key_pair.ts";
import { provePairs } from "../net/tls/prove_pair.ts";
import type { KeyPair } from "../net/tls/spec.ts";
import { contentOf } from "./exchange/file_content.ts";
import type { FileRequest, Files } from "./module.ts";

/** Largest PEM file that is read (spec 02 section 9.1). */
const MAX_PEM_BYTES = 1024 * 1024;

/** The files of one table, by the names of their keys. */
export interface UpstreamFilesTable {
  /** Key of the table. */
  readonly key: string;
  readonly files: {
    readonly upstream_ca_path?: string | undefined;
    readonly upstream_client_cert_path?: string | undefined;
    readonly upstream_client_key_path?: string | undefined;
  };
}

/** Every file that upstreams need, each with the key that names it. */
export function requestUpstreamFiles(tables: Iterable<UpstreamFilesTable>): FileRequest[] {
  const requests: FileRequest[] = [];
  for (const { files, key } of tables) {
    const request = (name: keyof typeof files, isPrivateKey: boolean) => {
      const path = files[name];
      if (path === undefined) return;
      requests.push({ path, key: `${key}.${name}`, maxBytes: MAX_PEM_BYTES, isPrivateKey });
    };
    request("upstream_ca_path", false);
    request("upstream_client_cert_path", false);
    request("upstream_client_key_path", true);
  }
  return requests;
}

/** Everything that is wrong with these files, and what upstreams may not like about them. */
export function findUpstreamFileFaults(
  tables: Iterable<UpstreamFilesTable>,
  files: Files,
): Problem[] {
  const material = new UpstreamMaterial(files);
  return [...tables].flatMap((table) => [
    ...rootProblems(table, files, material),
    ...pairProblems(table, files, material),
  ]);
}

/** One problem for each client certificate that no upstream could be shown. */
export async function findUnprovenPairs(
  tables: Iterable<UpstreamFilesTable>,
  files: Files,
): Promise<Problem[]> {
  const material = new UpstreamMaterial(files);
  const pairs = [...tables].flatMap(({ files, key }) => {
    const { upstream_client_cert_path: path, upstream_client_key_path: keyPath } = files;
    if (path === undefined || keyPath === undefined) return [];
    const pair = material.pair(path, keyPath);
    return [{ key: `${key}.upstream_client_cert_path`, path, pair }];
  });
  return await provePairs(pairs);
}

/** What the files hold, each read once: many scopes name the same ones. */
export class UpstreamMaterial {
  readonly #roots = new Map<string, string>();
  readonly #faults = new Map<string, string | undefined>();
  readonly #pairs = new Map<string, CheckedPair>();

  constructor(readonly files: Files) {}

  /** The PEM bundle at `path`, as it is. */
  roots(path: string): string {
    let roots = this.#roots.get(path);
    if (roots === undefined) {
      roots = new TextDecoder().decode(contentOf(this.files, path));
      this.#roots.set(path, roots);
    }
    return roots;
  }

  /** Why the bundle at `path` cannot be used, as the rest of a sentence. */
  rootsFault(path: string): string | undefined {
    if (!this.#faults.has(path)) this.#faults.set(path, faultOf(contentOf(this.files, path)));
    return this.#faults.get(path);
  }

  /** A client certificate and its key, and what is to be said about them. */
  checkedPair(certPath: string, keyPath: string): CheckedPair {
    const name = `${certPath}\0${keyPath}`;
    let checked = this.#pairs.get(name);
    if (checked === undefined) {
      const [cert, key] = [contentOf(this.files, certPath), contentOf(this.files, keyPath)];
      checked = checkPair(cert, key, [], Date.now());
      this.#pairs.set(name, checked);
    }
    return checked;
  }

  /**
   * A client certificate and its key.
   *
   * @throws {Error} when {@linkcode findUpstreamFileFaults} has something against them, a fault of the program.
   */
  pair(certPath: string, keyPath: string): KeyPair {
    const { pair, findings } = this.checkedPair(certPath, keyPath);
    if (pair !== undefined) return pair;
    const [{ file, message }] = findings;
    throw new Error(`${file === "cert" ? certPath : keyPath} ${message}`);
  }
}

function faultOf(bundle: Uint8Array): string | undefined {
  try {
    certificatesIn(bundle);
    return undefined;
  } catch (error) {
    if (error instanceof PemError) return error.message;
    throw error;
  }
}

function* rootProblems(
  { files: { upstream_ca_path: path }, key }: UpstreamFilesTable,
  files: Files,
  material: UpstreamMaterial,
): Generator<Problem> {
  // One that could not be read has been reported.
  if (path === undefined || !files.has(path)) return;
  const fault = material.rootsFault(path);
  if (fault !== undefined) yield { key: `${key}.upstream_ca_path`, message: `${path} ${fault}` };
}

function* pairProblems(
  { files: table, key }: UpstreamFilesTable,
  files: Files,
  material: UpstreamMaterial,
): Generator<Problem> {
  const { upstream_client_cert_path: certPath, upstream_client_key_path: keyPath } = table;
  if (certPath === undefined || keyPath === undefined) return;
  if (!files.has(certPath) || !files.has(keyPath)) return;
  for (const { file, message, warning } of material.checkedPair(certPath, keyPath).findings) {
    const problem = {
      key: `${key}.upstream_client_${file}_path`,
      message: `${file === "cert" ? certPath : keyPath} ${message}`,
    };
    yield warning ? { ...problem, warning } : problem;
  }
}
