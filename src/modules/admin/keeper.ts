/** The admin API's part in the keeper: the snapshot store, and operations on what is served. @module */
import type {
  KeeperPart,
  RunningKeeperPart,
  StartContext,
} from "../../gateway/threads/keeper_part.ts";
import type { Loaded } from "../../gateway/threads/keeper_part.ts";
import { isPlain, type Plain } from "../../gateway/threads/thread.ts";
import { failure, type KeeperCall, type Outcome } from "./calls.ts";
import { Operations } from "./operations.ts";
import { isSet, textAt, textsAt } from "./api/plain.ts";
import { Startup } from "./startup.ts";
import { adminOf } from "./table.ts";

/** A part for one process. */
export function keeperPart(): KeeperPart {
  const startup = new Startup();
  return {
    choose(context: StartContext): Promise<Loaded | undefined> {
      return Promise.resolve(startup.choose(context));
    },
    passedOver: (reason) => startup.passedOver(reason),
    open(context): RunningKeeperPart {
      const admin = adminOf(context.running.config);
      if (admin === undefined) throw new Error("the admin API is off");
      const operations = new Operations(context, admin, startup);
      const calls = callsOf(operations);
      return {
        calls: new Map(
          Object.entries(calls).map(([name, call]) => [
            name,
            async (input: Plain): Promise<Plain> => {
              const outcome = { ...await call(input) };
              if (isPlain(outcome)) return outcome;
              context.log.log("error", "fluxheim", `${name} failed: its answer is too large`);
              return { ...failure(500, "internal_error") };
            },
          ]),
        ),
        reload: () => operations.reloadForSignal(),
        tick: () => operations.tick(),
      };
    },
  };
}

function callsOf(
  operations: Operations,
): Readonly<Record<KeeperCall, (input: Plain) => Promise<Outcome>>> {
  return {
    "admin.status": () => operations.status(),
    "admin.live": (input) => operations.live(new Set(textsAt(input, "metrics"))),
    "admin.snapshots": () => operations.snapshots(),
    "admin.changes": (input) => operations.changes(textAt(input, "to")),
    "admin.snapshot": (input) => operations.snapshot(textAt(input, "message") ?? ""),
    "admin.rollback": (input) => operations.rollback(textAt(input, "to"), isSet(input, "live")),
    "admin.reload": () => operations.reload(),
    "admin.reload-config": () => operations.reloadConfig(),
    "admin.heal": (input) => operations.heal(textAt(input, "action") ?? ""),
    "admin.enforce": () => operations.enforce(),
  };
}
