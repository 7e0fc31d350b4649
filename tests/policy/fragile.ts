/**
 * The development build with one module more, whose requests for `/die` end the worker they come to.
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
  open: () => ({
    start: () => ({
      plan: () => ({
        serve: ({ path }) => {
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
