/**
 * A module with two services for tests of the runtime: `control` calls the keeper, the edge workers and
 * `store`, and logs how that went; `store` answers. What `control` does is the probe table's `calls`. The edge
 * workers ask `store` what a request for `/ask` names.
 *
 * @module
 */
import type { CallOutcome, Calls } from "../../gateway/threads/calls.ts";
import type { EdgeModule, Module } from "../../gateway/module.ts";
import { Fields } from "../../http/fields.ts";
import { count } from "../../zones/count.ts";
import { zone } from "../../zones/layout.ts";
import { at } from "../reload/compare.ts";

/** Begins a line with the outcome of a call, as JSON. */
export const OUTCOME = "outcome: ";

/** Counts what `store` has taken. */
export const TAKEN = "probe-services/taken";

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
  needs: () => ({ zones: [zone(count, { name: TAKEN, roles: ["edge", "store"] as const })] }),
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
      edgeAsks: ["echo", "fail", "hang", "take", "die"],
    },
  ],
  edge: () => Promise.resolve(probeServicesEdge),
};

const encoder = new TextEncoder();
/** Deadline of a call that is to miss it, and of one that is not. */
const SHORT_MS = 20;
const LONG_MS = 60_000;

function asked(store: Calls, name: string): Promise<CallOutcome> {
  return store.call(name, { n: 1 }, name === "hang" ? SHORT_MS : LONG_MS);
}

/** Its part in edge workers. */
export const probeServicesEdge: EdgeModule = {
  name: "probe-services",
  open: ({ worker, service }) => ({
    start: ({ zones }) => ({
      plan: () => ({
        async serve(exchange) {
          const { path, query = "" } = exchange;
          if (path !== "/ask" && path !== "/taken") return;
          exchange.status = 200;
          exchange.response = Fields.of(["content-type", "application/json"]);
          const answer = path === "/taken"
            ? zones.open(count, TAKEN).total
            : await asked(service("store"), query);
          exchange.responseBody = encoder.encode(JSON.stringify(answer));
        },
      }),
      stop() {},
    }),
    onCall(message) {
      if (message === "fail") throw new Error("told to fail");
      return message === "hang" ? new Promise(() => {}) : { worker, message };
    },
  }),
};
