/** Looks at every file `[tls]` names before it is served (spec 05 section 3.3). @module */
import type { Config, Problem } from "../../config/types.ts";
import type { FileRequest } from "../../gateway/module.ts";
import { look, MODE } from "./file_look.ts";
import { clientRootsIn, clientRootsPath, tlsFiles } from "./material.ts";
import { checkPair, PemError } from "./pair.ts";
import { sourcesOf } from "./sources.ts";

/** Everything that is wrong with the files of `config`, and what clients may not like about them. */
export async function tlsPreflight(config: Config): Promise<Problem[]> {
  const problems: Problem[] = [];
  const contents = new Map<string, Uint8Array>();
  for (const request of tlsFiles(config)) {
    if (contents.has(request.path)) continue;
    const found = await look(request.path, request.maxBytes);
    if (found.problem !== undefined) {
      problems.push({ key: request.key, message: `${request.path} ${found.problem}` });
      continue;
    }
    contents.set(request.path, found.content);
    problems.push(...modeProblems(request, found.info.mode));
  }
  return [...problems, ...pairProblems(config, contents), ...rootProblems(config, contents)];
}

/** A key others can change is theirs; one they can read is at least worth a word. */
function* modeProblems({ path, key }: FileRequest, mode: number | null): Generator<Problem> {
  if (mode === null) return;
  if ((mode & MODE.othersWrite) !== 0) {
    const message = `${path} is writable by its group or by everyone`;
    yield { key, message, hint: `chmod go-w ${path}` };
  } else if (key.endsWith(".key_path") && (mode & MODE.othersAny) !== 0) {
    const message = `${path} is a private key that its group or everyone can read`;
    yield { key, message, hint: `chmod 600 ${path}`, warning: true };
  }
}

function pairProblems(config: Config, contents: ReadonlyMap<string, Uint8Array>): Problem[] {
  return sourcesOf(config).flatMap(({ paths, key, hosts }): Problem[] => {
    const cert = contents.get(paths.cert_path);
    const privateKey = contents.get(paths.key_path);
    if (cert === undefined || privateKey === undefined) return [];
    const { findings } = checkPair(cert, privateKey, hosts, Date.now());
    return findings.map(({ file, message, warning }): Problem => {
      const name = `${file}_path` as const;
      const problem = { key: `${key}.${name}`, message: `${paths[name]} ${message}` };
      return warning ? { ...problem, warning } : problem;
    });
  });
}

function rootProblems(config: Config, contents: ReadonlyMap<string, Uint8Array>): Problem[] {
  const path = clientRootsPath(config);
  const content = path === undefined ? undefined : contents.get(path);
  if (content === undefined) return [];
  try {
    clientRootsIn(content);
    return [];
  } catch (error) {
    if (!(error instanceof PemError)) throw error;
    return [{ key: "tls.client_auth.ca_path", message: `${path} ${error.message}` }];
  }
}
