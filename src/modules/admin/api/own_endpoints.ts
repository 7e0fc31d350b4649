/** Endpoints of what the keeper owns: status, snapshots, reloads, self-healing. @module */
import type { ServiceContext } from "../../../gateway/threads/service.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { failure, type KeeperCall, type Outcome, outcomeIn } from "../calls.ts";
import { type Endpoint, STATUS_PARTS } from "./endpoint.ts";
import { isTable } from "./plain.ts";

/** How long the keeper may take: a reload waits for workers. */
const DEADLINE_MS = 60_000;

const GOOD = ["ok", "success", "successful", "healthy", "true", "1", "yes", "on"];
const BAD = ["error", "fail", "failed", "unhealthy", "false", "0", "no", "off"];

/** Asks the keeper. */
export async function askKeeper(
  { keeper, log }: Pick<ServiceContext, "keeper" | "log">,
  name: KeeperCall,
  input: Plain = {},
): Promise<Outcome> {
  const called = await keeper.call(name, input, DEADLINE_MS);
  if (called.kind === "answer") {
    return outcomeIn(called.value) ?? failure(500, "internal_error");
  }
  log.log("error", "fluxheim", `${name} has no answer: ${called.reason}`);
  return failure(503, "the keeper has not answered; the log says why");
}

/** Most metrics that a request names. */
const MAX_METRICS = 16;

/** Histograms with the bounds of their buckets, in seconds, which are in their descriptions. */
function withBuckets({ status, body }: Outcome, { metricSpecs }: ServiceContext): Outcome {
  const { counters } = body;
  if (!Array.isArray(counters)) return { status, body };
  const bounds = new Map(metricSpecs.map(({ name, buckets }) => [name, buckets]));
  return {
    status,
    body: {
      ...body,
      counters: counters.map((counter: Plain) => {
        if (!isTable(counter) || counter.kind !== "histogram") return counter;
        return { ...counter, buckets: [...bounds.get(String(counter.name)) ?? []] };
      }),
    },
  };
}

/** In the order of the documents. */
export const OWN_ENDPOINTS: readonly Endpoint[] = [
  {
    method: "GET",
    path: "status",
    ops: "open",
    async answer(_inputs, context) {
      const outcome = await askKeeper(context, "admin.status");
      if (outcome.status !== 200) return outcome;
      const more: Record<string, Plain> = {};
      for (const { key, read } of context.extensions(STATUS_PARTS)) {
        const value = await read(context);
        if (value !== undefined) more[key] = value;
      }
      return { status: 200, body: { ...outcome.body, ...more } };
    },
  },
  {
    method: "GET",
    path: "live",
    ops: "open",
    async answer(inputs, context) {
      const metrics = [...inputs.all("metric")];
      if (metrics.length > MAX_METRICS) {
        return failure(400, `metric may be given at most ${MAX_METRICS} times`);
      }
      const outcome = await askKeeper(context, "admin.live", { metrics });
      return outcome.status === 200 ? withBuckets(outcome, context) : outcome;
    },
  },
  {
    method: "GET",
    path: "snapshots",
    ops: "token",
    answer: (_inputs, context) => askKeeper(context, "admin.snapshots"),
  },
  {
    method: "GET",
    path: "changes",
    answer(inputs, context) {
      const to = inputs.value("X-Fluxheim-To", "to");
      return askKeeper(context, "admin.changes", to === undefined ? {} : { to });
    },
  },
  {
    method: "POST",
    path: "snapshot",
    answer: (inputs, context) =>
      askKeeper(context, "admin.snapshot", { message: inputs.value("X-Fluxheim-Message") ?? "" }),
  },
  {
    method: "POST",
    path: "rollback",
    answer(inputs, context) {
      const to = inputs.value("X-Fluxheim-Rollback-To", "to");
      const live = inputs.flag("X-Fluxheim-Live-Apply", "live", "live_apply");
      return askKeeper(context, "admin.rollback", { ...(to === undefined ? {} : { to }), live });
    },
  },
  {
    method: "POST",
    path: "reload",
    answer: (_inputs, context) => askKeeper(context, "admin.reload"),
  },
  {
    method: "POST",
    path: "reload-config",
    answer: (_inputs, context) => askKeeper(context, "admin.reload-config"),
  },
  {
    method: "POST",
    path: "self-heal/confirm",
    answer: (_inputs, context) => askKeeper(context, "admin.heal", { action: "confirm" }),
  },
  {
    method: "POST",
    path: "self-heal/fail",
    answer: (_inputs, context) => askKeeper(context, "admin.heal", { action: "fail" }),
  },
  {
    method: "POST",
    path: "self-heal/report",
    answer(inputs, context) {
      const word = inputs.value("X-Fluxheim-Health", "health", "ok", "success")?.trim()
        .toLowerCase() ?? "";
      if (GOOD.includes(word)) return askKeeper(context, "admin.heal", { action: "good" });
      if (BAD.includes(word)) return askKeeper(context, "admin.heal", { action: "bad" });
      const text = `X-Fluxheim-Health must be one of ${[...GOOD, ...BAD].join(", ")}`;
      return Promise.resolve(failure(400, text));
    },
  },
];
