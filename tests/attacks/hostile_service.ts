/**
 * Entry of a control service that was taken over. Which attack it makes is the first of
 * `server.control_hosts`: a name of `hostile_thread.ts` or one of {@linkcode SERVICE_ATTACKS}; `try` tries
 * everything that a module can, and logs what came of it.
 *
 * @module
 */
// Before the program of the thread, so that it sees the first message first.
import { DEADLY } from "./hostile_thread.ts";
import "../../src/runtime/permissions/unguarded.ts";

import type { Logger } from "../../src/gateway/reports/log.ts";
import type { ServiceContext } from "../../src/gateway/threads/service.ts";
import { runService } from "../../src/runtime/threads/service_thread.ts";
import { tryAll } from "./attempts.ts";
import { encode, SERVICE_SAYS, targetsOf } from "./hostile_module.ts";

const hoard: unknown[] = [];

/** What only a service is tried with here. */
const SERVICE_ATTACKS: Readonly<Record<string, () => void>> = {
  loop() {
    for (;;);
  },
  heap() {
    // Some hundred kilobytes a turn: what fills the last tenth within one is ended by the runtime itself.
    const fill = () => {
      for (let i = 0; i < 1_000; i++) hoard.push({ kept: [i], list: [i, i, i, i] });
      setTimeout(fill, 0);
    };
    fill();
  },
};

/** What the service tries, when its start is over and it has given up what only that needed. */
async function attempt({ config, log }: ServiceContext): Promise<void> {
  const { server, vhosts } = config;
  if (server?.listen === undefined || vhosts === undefined) throw new Error("not told the targets");
  const health = server.health?.listen?.[0] ?? "";
  const isBound = () =>
    Deno.permissions.querySync({ name: "net", host: health }).state === "granted";
  while (isBound()) await new Promise((resolve) => setTimeout(resolve, 10));
  say(log, encode(await tryAll(targetsOf(config))));
}

function say(log: Logger, text: string): void {
  log.log("warn", "fluxheim", SERVICE_SAYS + text);
}

runService({
  module: "control",
  role: "control",
  start(context) {
    const name = context.config.server?.control_hosts?.[0] ?? "";
    const attack = DEADLY[name] ?? SERVICE_ATTACKS[name];
    if (name === "try") void attempt(context);
    // Again and again: the thread itself writes to its ring meanwhile.
    else if (name.startsWith("ring-")) setInterval(() => attack?.(), 1);
    else setTimeout(() => attack?.(), 0);
    return Promise.resolve({ reload: () => Promise.resolve(), stop: () => Promise.resolve() });
  },
});
