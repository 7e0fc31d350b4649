/**
 * A module with two services for tests of the runtime: `control` calls the keeper, the edge workers and
 * `store`, and logs how that went; `store` answers. What `control` does is the probe table's `calls`.
 *
 * @module
 */
import type { EdgeModule, Module } from "../../gateway/module.ts";
import { at } from "../reload/compare.ts";

/** Begins a line with the outcome of a call, as JSON. */
export const OUTCOME = "outcome: ";

/** Begins a line with the state of the process, as JSON. */
export const STATE = "state: ";

/** What the control service is to call, as tests write it into the vhost's `probe` table. */
export type ProbeCall =
  /** An edge worker answers `echo` with it, `fail` not at all, and `hang` never. */
  | {
    readonly to: "edges";
    readonly message: "echo" | "fail" | "hang";
    readonly deadlineMs: number;
  }
  | { readonly to: "store" | "keeper"; readonly name: string; readonly deadlineMs: number };

const wanted = (config: unknown) => at(config, ["vhosts"]) !== undefined && callsOf(config) !== "";

/** The calls of a configuration, as JSON; `""` for none. */
export function callsOf(config: unknown): string {
  const [vhost] = [at(config, ["vhosts"])].flat();
  const calls = at(vhost, ["probe", "calls"]);
  return typeof calls === "string" ? calls : "";
}

/** The module. */
export const probeServices: Module = {
  name: "probe-services",
  schema: [],
  manifest: {},
  threads: [
    {
      role: "control",
      url: new URL("./probe_control.ts", import.meta.url),
      wanted,
      tables: ["vhosts"],
      whenLost: "replace",
      asks: ["keeper.reload", "keeper.nothing", "store.echo", "store.fail", "store.hang", "edges"],
    },
    {
      role: "store",
      url: new URL("./probe_store.ts", import.meta.url),
      wanted,
      tables: [],
      whenLost: "replace",
      asks: [],
    },
  ],
  edge: () => Promise.resolve(probeServicesEdge),
};

/** Its part in edge workers. */
export const probeServicesEdge: EdgeModule = {
  name: "probe-services",
  open: ({ worker }) => ({
    start: () => ({ plan: () => undefined, stop() {} }),
    onCall(message) {
      if (message === "fail") throw new Error("told to fail");
      return message === "hang" ? new Promise(() => {}) : { worker, message };
    },
  }),
};
