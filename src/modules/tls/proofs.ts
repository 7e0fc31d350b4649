/** Whether the pairs of a configuration serve, seen by a TLS handshake with each. @module */
import type { Config, Problem } from "../../config/types.ts";
import type { Files } from "../../gateway/module.ts";
import { provePairs } from "../../net/tls/prove_pair.ts";
import { clientRootsIn, clientRootsPath, pairOf } from "./material.ts";
import { contentOf } from "../../gateway/exchange/file_content.ts";
import { sourcesOf } from "./sources.ts";

/** One problem for each pair that no client could shake hands with. */
export async function proveTlsFiles(config: Config, files: Files): Promise<Problem[]> {
  const path = clientRootsPath(config);
  const roots = path === undefined ? undefined : clientRootsIn(contentOf(files, path));
  const pairs = sourcesOf(config).map(({ paths, key }) => {
    return { key: `${key}.cert_path`, path: paths.cert_path, pair: pairOf(paths, files) };
  });
  return await provePairs(pairs, roots);
}
