/**
 * A gateway from its start to the end of its process, steered by signals.
 *
 * @module
 */
import { Keeper } from "./keeper.ts";
import type { KeeperOptions } from "./start.ts";

/** Signals that end the gateway; all alike (spec 01 section 8). */
const END_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/**
 * Serves until a signal ends it. The first SIGTERM, SIGINT or SIGQUIT drains, the second ends at once;
 * SIGHUP reloads.
 *
 * @param onReady Called once it serves.
 * @returns The status to end the process with. It must be given to `Deno.exit`: a thread in an endless
 * loop would otherwise keep the process.
 * @throws {StartError} when it cannot start.
 */
export async function serve(
  options: KeeperOptions,
  onReady: (keeper: Keeper) => void = () => {},
): Promise<number> {
  const keeper = await Keeper.start(options);
  let ending = false;
  const reload = () => void keeper.reload();
  const enders = END_SIGNALS.map((signal) => ({
    signal,
    end: () => {
      if (ending) void keeper.abort(signal);
      else void keeper.stop(signal);
      ending = true;
    },
  }));
  Deno.addSignalListener("SIGHUP", reload);
  for (const { signal, end } of enders) Deno.addSignalListener(signal, end);
  try {
    onReady(keeper);
    return await keeper.finished;
  } finally {
    Deno.removeSignalListener("SIGHUP", reload);
    for (const { signal, end } of enders) Deno.removeSignalListener(signal, end);
  }
}
