/**
 * Optional files that a service has replaced, as a certificate that was renewed: read again, and handed to the
 * workers without a reload of the configuration. What is in them their module judges in the worker: it has to live
 * with a missing file there anyway.
 *
 * @module
 */
import type { FileRequest, Files } from "../../gateway/module.ts";
import { problemText } from "../log/problem_text.ts";
import type { RefreshContext, Served } from "./refresh.ts";
import { readRequestedFiles, sameFiles } from "./requested_files.ts";

/** How it went; the service that asked gets this. */
export type RereadOutcome =
  | { readonly kind: "noop" | "applied" }
  | { readonly kind: "failed"; readonly reason: string };

/**
 * Reads the optional ones of `requests` again. One that is missing or unfit leaves the content in use as it is; files
 * that are not optional are a reload's matter, and stay.
 */
export async function rereadOptional(
  { config, files }: Served,
  requests: readonly FileRequest[],
  { shared, serve, log }: Pick<RefreshContext, "shared" | "serve" | "log">,
): Promise<RereadOutcome> {
  const optional = requests.filter(({ isOptional }) => isOptional === true);
  if (optional.length === 0) return { kind: "noop" };
  const read = await readRequestedFiles({ config, files: optional }, [], shared, false);
  for (const problem of read.problems) {
    log.log("warn", "fluxheim", `${problemText(problem)}; the one in use stays`);
  }
  const next: Files = new Map([...files, ...read.files]);
  if (sameFiles(next, files)) return { kind: "noop" };
  const failure = await serve(next);
  return failure === undefined ? { kind: "applied" } : { kind: "failed", reason: failure };
}
