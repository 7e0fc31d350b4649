/** `--check-tls-storage` for managed certificates: the storage, and secrets of bindings (spec 05 section 3.6). @module */
import type { Config } from "../../config/types.ts";
import type { StorageIssue, System } from "../../gateway/module.ts";
import { look, MODE } from "../../config/read/file_look.ts";
import { pathProblem } from "../../config/read/paths.ts";
import { lookAt } from "./store/files.ts";
import { acmeOf } from "./table.ts";

const SAFE = { trustedParent: true, process: false };
const MAX_SECRET_BYTES = 4096;
const DIRECTORY_MODE = 0o700;

/** One issue for each rule that is broken. */
export function checkAcmeStorage(config: Config, { uid }: System): Promise<StorageIssue[]> {
  const acme = acmeOf(config);
  if (acme === undefined) return Promise.resolve([]);
  const issues = [...directoryIssues(acme.storage, uid)]
    .map((message) => ({ scope: "tls.acme.storage", message: `${acme.storage} ${message}` }));
  for (const { name, eab } of acme.issuers) {
    for (const secret of ["key_id", "hmac_key"] as const) {
      const path = eab?.[`${secret}_file`];
      if (path === undefined) continue;
      for (const message of secretIssues(path, uid)) {
        const scope = `tls.acme.issuers.${name}.eab.${secret}_file`;
        issues.push({ scope, message: `${path} ${message}` });
      }
    }
  }
  return Promise.resolve(issues);
}

function* directoryIssues(path: string, uid: number): Generator<string> {
  const unsafe = pathProblem(path, SAFE);
  if (unsafe !== undefined) yield unsafe.message;
  const info = lookAt(path);
  // The service makes it.
  if (info === undefined) return;
  if (!info.isDirectory) return yield "must be a directory";
  const mode = (info.mode ?? 0) & 0o777;
  if (mode !== DIRECTORY_MODE) yield `has mode 0${mode.toString(8)}: it must be 0700`;
  if (uid >= 0 && info.uid !== uid) {
    yield `belongs to user ${info.uid}, not to user ${uid}, as whom this runs`;
  }
}

function* secretIssues(path: string, uid: number): Generator<string> {
  const unsafe = pathProblem(path, SAFE);
  if (unsafe !== undefined) yield unsafe.message;
  const found = look(path, MAX_SECRET_BYTES);
  if (found.problem !== undefined) return yield found.problem;
  const { info } = found;
  if ((info.mode & MODE.othersAny) !== 0) {
    yield `has mode 0${(info.mode & 0o777).toString(8)}: a secret is its owner's alone, 0600`;
  }
  if (uid >= 0 && info.uid !== uid) {
    yield `belongs to user ${info.uid}, not to user ${uid}, as whom this runs`;
  }
}
