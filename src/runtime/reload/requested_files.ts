/**
 * Files that workers need and may not read themselves (`Needs.files`): the keeper reads them, has their
 * modules check what it read, and hands just that over, so no worker ever gets a path to a key, nor
 * unchecked content.
 *
 * @module
 */
import { type FileFacts, look, MODE } from "../../config/read/file_look.ts";
import { isTrusted } from "../../config/read/trusted_way.ts";
import type { Problem } from "../../config/types.ts";
import type { FileRequest, Files, Module } from "../../gateway/module.ts";
import type { Deployment } from "../deployment.ts";
import { systemFor } from "../preflight.ts";
import { SharedFiles } from "./shared_files.ts";

/** What could be read, and what is wrong with it or with the rest. */
export interface FilesRead {
  readonly files: Files;
  /** With an error among them the configuration must not be served. */
  readonly problems: readonly Problem[];
}

/**
 * Reads the files of `deployment`, and lets the modules check them, and try what nothing speaks against.
 *
 * @param shared Those of the process, of which one that has not changed is not read again.
 * @param isWhole Whether these are all files of the process: shared ones that are not among them are forgotten.
 */
export async function readRequestedFiles(
  { config, files: requests }: Pick<Deployment, "config" | "files">,
  modules: readonly Module[],
  shared: SharedFiles = new SharedFiles(),
  isWhole = true,
): Promise<FilesRead> {
  const files = new Map<string, Uint8Array>();
  const problems: Problem[] = [];
  /** Paths whose mode has been spoken of: many scopes may name the same file. */
  const reported = new Set<string>();
  for (const request of requests) {
    const { path, key, maxBytes } = request;
    if (request.isShared === true) {
      const found = await shared.look(request);
      if (found.problem === undefined) files.set(path, found.content);
      else problems.push({ key, message: `${path} ${found.problem}` });
      continue;
    }
    const isOptional = request.isOptional === true;
    const found = look(path, maxBytes);
    if (found.problem !== undefined) {
      if (isOptional && isMissing(path)) continue;
      const problem = { key, message: `${path} ${found.problem}` };
      problems.push(isOptional ? { ...problem, warning: true } : problem);
      continue;
    }
    const doubt = modeProblem(request, found.info) ?? ownerProblem(request, found.info);
    const isRefused = isOptional && doubt !== undefined && doubt.warning !== true;
    if (!isRefused) files.set(path, found.content);
    if (doubt === undefined || reported.has(path)) continue;
    reported.add(path);
    problems.push(isRefused ? { ...doubt, warning: true } : doubt);
  }
  if (isWhole) {
    shared.retain(new Set(requests.filter(({ isShared }) => isShared).map(({ path }) => path)));
  }
  const unproved = unprovedOf(files, shared);
  for (const module of modules) problems.push(...module.checkFiles?.(config, unproved) ?? []);
  const system = systemFor(modules);
  if (problems.every(({ warning }) => warning === true)) {
    for (const module of modules) {
      problems.push(...await module.proveFiles?.(config, unproved, system) ?? []);
    }
  }
  if (problems.every(({ warning }) => warning === true)) {
    for (const { path, isShared } of requests) if (isShared === true) shared.markProved(path);
  }
  return { files, problems };
}

function isMissing(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/** Those of `files` that no other thread may have written to. */
function unprovedOf(files: Files, shared: SharedFiles): Files {
  const proved = [...files.keys()].filter((path) => shared.isProved(path));
  if (proved.length === 0) return files;
  const unproved = new Map(files);
  for (const path of proved) unproved.delete(path);
  return unproved;
}

/** Whether both hold the same content. */
export function sameFiles(a: Files, b: Files): boolean {
  if (a.size !== b.size) return false;
  for (const [path, content] of a) {
    const other = b.get(path);
    if (other === content) continue;
    if (other === undefined || other.length !== content.length) return false;
    if (content.some((byte, index) => byte !== other[index])) return false;
  }
  return true;
}

/** What a link leads to must belong to a user who may decide about it: the link alone does not say. */
function ownerProblem({ path, key }: FileRequest, { uid }: FileFacts): Problem | undefined {
  if (isTrusted(uid) || Deno.realPathSync(path) === path) return undefined;
  return {
    key,
    message: `${path} leads by a symbolic link to a file of user ${uid}`,
    hint: "it must belong to root or to the user this runs as",
  };
}

/** A file others can change is theirs; a key they can read is at least worth a word. */
function modeProblem(
  { path, key, isPrivateKey, secret = isPrivateKey === true ? "a private key" : undefined }:
    FileRequest,
  { mode }: FileFacts,
): Problem | undefined {
  if ((mode & MODE.othersWrite) !== 0) {
    const message = `${path} is writable by its group or by everyone`;
    return { key, message, hint: `chmod go-w ${path}` };
  }
  if (secret !== undefined && (mode & MODE.othersAny) !== 0) {
    const message = isPrivateKey === true
      ? `${path} is a private key that its group or everyone can read`
      : `${path} holds ${secret}, and its group or everyone can read it`;
    return { key, message, hint: `chmod 600 ${path}`, warning: true };
  }
  return undefined;
}
