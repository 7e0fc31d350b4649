/** Looks into every file `[tls]` names before it is served (spec 05 section 3.3). @module */
import type { Config, Problem } from "../../config/types.ts";
import type { Files } from "../../gateway/module.ts";
import { checkPair, PemError } from "../../net/tls/key_pair.ts";
import { beyondStatic } from "../../net/tls/static_pair.ts";
import { clientRootsIn, clientRootsPath, listenerTlsOf, tlsFiles } from "./material.ts";
import { sourcesOf } from "./sources.ts";

/** Everything that is wrong with the files of `config`, and what clients may not like about them. */
export function checkTlsFiles(config: Config, files: Files): Problem[] {
  const problems = [...pairProblems(config, files), ...rootProblems(config, files)];
  const fit = problems.every(({ warning }) => warning === true) &&
    tlsFiles(config).every(({ path }) => files.has(path));
  return fit ? [...problems, ...listenerProblems(config, files)] : problems;
}

function pairProblems(config: Config, files: Files): Problem[] {
  return sourcesOf(config).flatMap(({ paths, key, hosts }): Problem[] => {
    const cert = files.get(paths.cert_path);
    const privateKey = files.get(paths.key_path);
    if (cert === undefined || privateKey === undefined) return [];
    const { findings } = checkPair(cert, privateKey, hosts, Date.now());
    return findings.map(({ file, message, warning }): Problem => {
      const name = `${file}_path` as const;
      const problem = { key: `${key}.${name}`, message: `${paths[name]} ${message}` };
      return warning ? { ...problem, warning } : problem;
    });
  });
}

/** A key without effect; whether there is one certificate for all names only valid files show. */
function listenerProblems(config: Config, files: Files): Problem[] {
  if (config.tls?.fast_listener !== true) return [];
  const tls = listenerTlsOf(config, files);
  if (tls === undefined) return [];
  const needs = beyondStatic({ proxyProtocol: config.server.proxy_protocol }, tls);
  if (needs.length === 0) return [];
  const message = `has no effect: the fast listener cannot do ${needs.join(", ")}`;
  return [{ key: "tls.fast_listener", message, warning: true }];
}

function rootProblems(config: Config, files: Files): Problem[] {
  const path = clientRootsPath(config);
  const content = path === undefined ? undefined : files.get(path);
  if (content === undefined) return [];
  try {
    clientRootsIn(content);
    return [];
  } catch (error) {
    if (!(error instanceof PemError)) throw error;
    return [{ key: "tls.client_auth.ca_path", message: `${path} ${error.message}` }];
  }
}
