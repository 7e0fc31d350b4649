/** Makes the disk tier that a table asks for. @module */
import type { Logger } from "../../../../gateway/reports/log.ts";
import type { Files } from "../../../../gateway/module.ts";
import type { Clock } from "../../../../net/clock.ts";
import { OpenBao } from "../../disk/openbao.ts";
import { type CacheTable, diskOf, sealOf, type Secret, userTag } from "../../table.ts";
import type { ObjectFormat } from "../formats/format.ts";
import { localSeal } from "../formats/local_seal.ts";
import { plainFormat } from "../formats/plain.ts";
import { MAX_PLAINTEXT_BYTES, transitSeal } from "../formats/transit_seal.ts";
import type { Backend } from "./backend.ts";
import { BinsBackend } from "./bins.ts";
import { DiskStore } from "./disk_store.ts";
import { FilesBackend } from "./files.ts";

/** What a disk tier is made with. */
export interface DiskContext {
  readonly log: Logger;
  readonly clock: Clock;
  /** Keys and roots that the keeper has read. */
  readonly files: Files;
}

/** @throws When the root or the key cannot be used. */
export function openDisk(table: CacheTable, context: DiskContext): DiskStore | undefined {
  const disk = diskOf(table);
  if (disk === undefined) return undefined;
  const { log } = context;
  // Before anything is made in the root: a wrong key must not leave a trace there.
  const format = formatOf(table, context);
  const options = {
    ...disk,
    maxObjectBytes: table.config.max_object_bytes,
    userTag: userTag(table),
    log,
  };
  return new DiskStore(options, backendOf(table, disk, log), format);
}

function backendOf(
  { config: { disk } }: CacheTable,
  { root, maxBytes }: { readonly root: string; readonly maxBytes: number },
  log: Logger,
): Backend {
  if (disk.backend === "filesystem") {
    return new FilesBackend(root, (message) => log.log("warn", "fluxheim::security", message));
  }
  const { bin_size_bytes, preallocate, max_open_bins } = disk.storage_bin;
  return new BinsBackend({
    root,
    binBytes: bin_size_bytes,
    maxBytes,
    preallocate,
    maxOpenBins: max_open_bins,
  });
}

function formatOf(table: CacheTable, { log, clock, files }: DiskContext): ObjectFormat {
  const seal = sealOf(table);
  if (seal === undefined) return plainFormat;
  if (seal.provider === "local") return localSeal(seal.keyId, keyIn(seal.key, files));
  const roots = seal.caFile === undefined ? undefined : textIn(files.get(seal.caFile));
  const transit = new OpenBao({ ...seal, roots, log, clock });
  const budget = Math.min(table.config.disk.max_size_bytes, MAX_PLAINTEXT_BYTES);
  return transitSeal(seal.keyId, transit, budget);
}

function textIn(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

/** @throws Without a word of what is there. */
function keyIn({ from, paths }: Secret, files: Files): Uint8Array {
  const path = paths.find((path) => files.get(path) !== undefined);
  if (path === undefined) throw new Error(`the key of the cache is not in ${paths.join(" or ")}`);
  const text = textIn(files.get(path)).trim();
  if (!/^[0-9A-Fa-f]{64}$/.test(text)) {
    throw new Error(`the key of the cache must be a ${from} with 64 hexadecimal digits`);
  }
  return Uint8Array.fromHex(text);
}
