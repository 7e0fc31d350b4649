/**
 * Entry of a control service that was taken over, and asks the keeper whatever it likes: every call of the admin
 * API, with inputs of every shape. What came of it is logged.
 *
 * @module
 */
import { KEEPER_CALLS } from "../../src/modules/admin/calls.ts";
import { ADMIN_SAYS } from "./hostile_says.ts";
import type { ServiceContext } from "../../src/gateway/threads/service.ts";
import type { Plain } from "../../src/gateway/threads/thread.ts";
import { runService } from "../../src/runtime/threads/service_thread.ts";

const INPUTS: readonly Plain[] = [
  null,
  true,
  -1,
  "x".repeat(100_000),
  [],
  [[[[[[]]]]]],
  new Uint8Array(1_000),
  {},
  { to: "" },
  { to: ".." },
  { to: "../../../etc/passwd", live: true },
  { to: "/etc/passwd" },
  { to: "a\0b", live: true },
  { to: "x".repeat(200_000) },
  { to: ["a"], live: "true" },
  { message: "a\nb" },
  { message: "x".repeat(5_000) },
  { message: { toString: 1 } },
  { action: "confirm " },
  { action: "constructor" },
  { action: ["fail"] },
  { metrics: [1, null, ["a"]] },
  { metrics: new Array(10_000).fill("fluxheim_connections") },
];

async function askAll({ keeper, log }: ServiceContext): Promise<void> {
  // The port is there when the start of the service is over.
  while ((await keeper.call("admin.status", {}, 30_000)).kind !== "answer") {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const found: Record<string, number> = {};
  for (const name of KEEPER_CALLS) {
    for (const input of INPUTS) {
      const called = await keeper.call(name, input, 30_000);
      const outcome = called.kind === "answer"
        ? `status ${(called.value as { status?: number } | null)?.status}`
        : called.kind;
      found[`${name} ${outcome}`] = (found[`${name} ${outcome}`] ?? 0) + 1;
    }
  }
  log.log("warn", "fluxheim", ADMIN_SAYS + JSON.stringify(found));
}

runService({
  module: "admin",
  role: "control",
  start(context) {
    void askAll(context);
    return Promise.resolve({ reload: () => Promise.resolve(), stop: () => Promise.resolve() });
  },
});
