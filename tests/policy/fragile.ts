/**
 * The development build with one module more. Requests for `/die` end the worker they come to, and each request
 * is logged when the worker has begun with it: by then it has its permit, or its place in the queue. A request
 * for `/spin` keeps its worker busy for ever.
 *
 * @module
 */
// First of all: no module may find what no permission guards.
import "../../src/runtime/permissions/unguarded.ts";

import type { EdgeModule, Module } from "../../src/gateway/module.ts";
import { profile as development } from "../../src/profiles/development.ts";
import type { Profile } from "../../src/runtime/threads/profile.ts";

/** The part for workers. */
export const edge: EdgeModule = {
  name: "mortal",
  open: ({ log }) => ({
    start: () => ({
      plan: () => ({
        access: ({ path }) => {
          // After the steps that follow this one at once.
          queueMicrotask(() => log.log("info", "fluxheim", `begun with ${path};`));
        },
        serve: ({ path }) => {
          if (path === "/spin") { for (;;); }
          if (path !== "/die") return;
          // Outside of the exchange, where nothing catches it.
          queueMicrotask(() => {
            throw new Error("this worker was told to die");
          });
        },
      }),
      stop() {},
    }),
  }),
};

const mortal: Module = {
  name: "mortal",
  schema: [],
  manifest: {},
  edge: () => Promise.resolve(edge),
};

/** What this build contains. */
export const profile: Profile = {
  ...development,
  name: "fragile",
  modules: [mortal, ...development.modules],
  workerUrl: new URL("./fragile_worker.ts", import.meta.url),
};

if (import.meta.main) {
  const { main } = await import("../../src/cli/main.ts");
  await main(profile);
}
