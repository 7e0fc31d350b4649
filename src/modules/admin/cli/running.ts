/** The running gateway of a configuration, for `fluxheim reload`. @module */
import type { Config } from "../../../config/types.ts";
import type { ReloadAnswer, RunningGateway } from "../../../gateway/command.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { isTable } from "../api/plain.ts";
import { type Answer, ask, type Target, Unreachable } from "./client.ts";
import { apiOf, opsOf } from "./target.ts";

/** The gateway of `config`, where its admin API or its ops socket can be asked. */
export function runningGateway(config: Config): RunningGateway | undefined {
  const [api, ops] = [apiOf(config), opsOf(config)];
  const readable = ops ?? api;
  if (readable === undefined) return undefined;
  return {
    async reload() {
      const answer = api === undefined ? undefined : await tried(api, "POST", "reload-config");
      return answer === undefined || answer.status === 401 ? undefined : reloadAnswer(answer);
    },
    async lastReload() {
      const answer = await tried(readable, "GET", "status");
      return answer === undefined ? undefined : lastReload(answer.body.last_reload ?? null);
    },
  };
}

/** `undefined` where nothing answers: then a signal is the way. */
async function tried(
  target: Target,
  method: "GET" | "POST",
  path: string,
): Promise<Answer | undefined> {
  try {
    return await ask(target, method, path);
  } catch (error) {
    if (error instanceof Unreachable) return undefined;
    throw error;
  }
}

function reloadAnswer({ status, body }: Answer): ReloadAnswer {
  const { impact, snapshot, error, reasons } = body;
  if (status === 200) {
    const text = impact === "noop"
      ? "nothing has changed"
      : `the new configuration serves (snapshot ${String(snapshot)})`;
    return { isServed: true, text };
  }
  const why = Array.isArray(reasons) ? ` (${reasons.join(", ")})` : "";
  const text = error === "process_upgrade_required" ? `needs a restart${why}` : String(error);
  return { isServed: false, text };
}

function lastReload(value: Plain): (ReloadAnswer & { readonly number: number }) | undefined {
  if (!isTable(value) || typeof value.number !== "number") return undefined;
  const { number, outcome, reasons } = value;
  const why = Array.isArray(reasons) && reasons.length > 0 ? `: ${reasons.join(", ")}` : "";
  switch (outcome) {
    case "noop":
      return { number, isServed: true, text: "nothing has changed" };
    case "applied":
      return { number, isServed: true, text: "the new configuration serves" };
    case "process-upgrade":
      return { number, isServed: false, text: `needs a restart${why}` };
    default:
      return { number, isServed: false, text: `${String(outcome)}${why}` };
  }
}
