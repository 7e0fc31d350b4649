/** The files of `[proxy]` that TLS to upstreams needs (spec 02 section 9.1). @module */
import type { Config, Problem } from "../../config/types.ts";
import type { FileRequest, Files } from "../../gateway/module.ts";
import {
  findUnprovenPairs,
  findUpstreamFileFaults,
  requestUpstreamFiles,
  type UpstreamFilesTable,
} from "../../gateway/upstream_files.ts";
import { proxyTables } from "./table.ts";

export { UpstreamMaterial } from "../../gateway/upstream_files.ts";

/** Every file that upstreams need, each with the key that names it. */
export function upstreamFiles(config: Config): FileRequest[] {
  return requestUpstreamFiles(tablesOf(config));
}

/** Everything that is wrong with these files, and what upstreams may not like about them. */
export function checkUpstreamFiles(config: Config, files: Files): Problem[] {
  return findUpstreamFileFaults(tablesOf(config), files);
}

/** One problem for each client certificate that no upstream could be shown. */
export async function proveUpstreamFiles(config: Config, files: Files): Promise<Problem[]> {
  return await findUnprovenPairs(tablesOf(config), files);
}

function* tablesOf(config: Config): Generator<UpstreamFilesTable> {
  for (const { proxy, key } of proxyTables(config)) yield { files: proxy, key };
}
