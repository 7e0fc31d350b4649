/**
 * The pair of one managed certificate on disk: installed by renames, and repaired where an install was cut
 * short (spec 05 sections 6.5 and 6.6).
 *
 * @module
 */
import { checkPair } from "../../../net/tls/key_pair.ts";
import {
  lookAt,
  makeDirectory,
  removeIfThere,
  renameIfThere,
  syncDirectory,
  writeNew,
} from "./files.ts";

/** Certificate chain and key, PEM. */
export interface StoredPair {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

const CERT = "fullchain.pem";
const KEY = "privkey.pem";
const FILES = [CERT, KEY] as const;
const MAX_BYTES = { [CERT]: 1024 * 1024, [KEY]: 128 * 1024 } as const;
const MODES = { [CERT]: 0o644, [KEY]: 0o600 } as const;

/** Reports each file operation before it is made; a test ends an install there by throwing. */
export type BeforeStep = (step: string) => void;

/**
 * Installs `pair` in `directory`, which only one thread at a time may do.
 *
 * @throws {Error} When the pair is not fit, or a file operation fails; {@linkcode recoverPair} then leaves the
 * old pair or the new one.
 */
export function installPair(
  directory: string,
  { cert, key }: StoredPair,
  beforeStep: BeforeStep = () => {},
): void {
  const contents = { [CERT]: cert, [KEY]: key };
  for (const name of FILES) {
    if (contents[name].length > MAX_BYTES[name]) throw new Error(`${name} is too large`);
  }
  const { pair, findings } = checkPair(cert, key, [], Date.now());
  if (pair === undefined) throw new Error(findings.map(({ message }) => message).join("; "));
  makeDirectory(directory);
  for (const name of FILES) {
    beforeStep(`write ${name}`);
    writeNew(temporary(directory, name), contents[name], MODES[name]);
  }
  for (const name of FILES) {
    beforeStep(`put ${name} aside`);
    renameIfThere(`${directory}/${name}`, previous(directory, name));
  }
  for (const name of FILES) {
    beforeStep(`install ${name}`);
    Deno.renameSync(temporary(directory, name), `${directory}/${name}`);
  }
  beforeStep("sync");
  syncDirectory(directory);
  for (const name of FILES) {
    beforeStep(`remove the old ${name}`);
    removeIfThere(previous(directory, name));
  }
}

/**
 * Brings `directory` in order after an install that was cut short.
 *
 * @returns The pair that is installed then; `undefined` where no file and no backup belong together.
 */
export function recoverPair(directory: string): StoredPair | undefined {
  const found = [plain, previous, temporary].map((place) => readPair(directory, place));
  const [installed, before, prepared] = found;
  const kept = installed ?? before ?? prepared;
  // Unfit files stay as they are: the next install replaces them.
  if (kept === undefined) return undefined;
  if (installed === undefined) {
    // A half that was installed is the new one's; what is missing of it is gone with its temporary files.
    const place = kept === before ? previous : temporary;
    for (const name of FILES) Deno.renameSync(place(directory, name), `${directory}/${name}`);
  }
  for (const name of FILES) {
    removeIfThere(temporary(directory, name));
    removeIfThere(previous(directory, name));
  }
  syncDirectory(directory);
  return kept;
}

/**
 * Takes a revoked pair out of use; the last one is kept beside.
 *
 * @returns Where the certificate is now.
 */
export function setAsideRevoked(directory: string): string {
  for (const name of FILES) renameIfThere(`${directory}/${name}`, `${directory}/${name}.revoked`);
  syncDirectory(directory);
  return `${directory}/${CERT}.revoked`;
}

type Place = (directory: string, name: string) => string;
const plain: Place = (directory, name) => `${directory}/${name}`;
const temporary: Place = (directory, name) => `${directory}/.${name}.tmp`;
const previous: Place = (directory, name) => `${directory}/.${name}.previous`;

function readPair(directory: string, place: Place): StoredPair | undefined {
  const cert = readIfFit(place(directory, CERT), MAX_BYTES[CERT]);
  const key = readIfFit(place(directory, KEY), MAX_BYTES[KEY]);
  if (cert === undefined || key === undefined) return undefined;
  return checkPair(cert, key, [], Date.now()).pair === undefined ? undefined : { cert, key };
}

/** What is not a file of a bearable size is no half of a pair. */
function readIfFit(path: string, maxBytes: number): Uint8Array | undefined {
  const info = lookAt(path);
  return info?.isFile === true && info.size <= maxBytes ? Deno.readFileSync(path) : undefined;
}
