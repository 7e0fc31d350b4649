/**
 * What a build contains. A profile is the only place that names modules; whatever it does not import
 * is not in the program.
 *
 * @module
 */
import type { Module } from "../gateway/module.ts";
import type { Records } from "./record_types.ts";

/** One build of the program: the modules in it, and the entry of its edge workers. */
export interface Profile {
  /** As the command line, manifests and messages name it: `development`. */
  readonly name: string;
  readonly modules: readonly Module[];
  /** Absent in a build that keeps nothing: it writes no access log and no file. */
  readonly records?: Records;
  /**
   * The module an edge worker runs: it imports the same profile and hands it to `runEdgeWorker`. Written
   * as `new URL("./<name>_worker.ts", import.meta.url)`, so that bundling tools find the file.
   */
  readonly workerUrl: URL;
}
