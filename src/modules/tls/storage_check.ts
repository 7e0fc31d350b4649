/** `--check-tls-storage`: are keys and certificates stored as they should be (spec 05 section 3.6). @module */
import type { Config } from "../../config/types.ts";
import type { StorageIssue, System } from "../../gateway/module.ts";
import { type FileFacts, look, MODE } from "../../config/read/file_look.ts";
import { pathProblem } from "../../config/read/paths.ts";
import { MAX_CERT_BYTES, MAX_KEY_BYTES } from "./material.ts";
import { sourcesOf } from "./sources.ts";

const SAFE = { trustedParent: true, process: false, links: true };

/** One issue for each rule a file breaks, in the order of the configuration. */
export function checkTlsStorage(config: Config, { uid }: System): Promise<StorageIssue[]> {
  const issues: StorageIssue[] = [];
  for (const { paths, scope } of sourcesOf(config)) {
    const { cert_path, key_path } = paths;
    const report = (message: string) => issues.push({ scope, message });
    const unsafe = [cert_path, key_path].flatMap((path) => {
      const problem = pathProblem(path, SAFE);
      return problem === undefined ? [] : [`${path} ${problem.message}`];
    });
    unsafe.forEach(report);
    const cert = look(cert_path, MAX_CERT_BYTES);
    if (cert.problem !== undefined) report(`${cert_path} ${cert.problem}`);
    const key = look(key_path, MAX_KEY_BYTES);
    if (key.problem !== undefined) report(`${key_path} ${key.problem}`);
    else for (const message of keyIssues(key.info, uid)) report(`${key_path} ${message}`);
  }
  return Promise.resolve(issues);
}

function* keyIssues(info: FileFacts, uid: number): Generator<string> {
  const mode = info.mode & 0o777;
  if ((mode & MODE.othersAny) !== 0) {
    yield `has mode 0${mode.toString(8)}: a private key is its owner's alone, 0600`;
  }
  if (uid >= 0 && info.uid !== uid) {
    yield `belongs to user ${info.uid}, not to user ${uid}, as whom this runs`;
  }
}
