/**
 * Runs a request through a compiled configuration and writes down what each step did, without letting
 * any step reach beyond this machine: what would wait, or ask another program, is described instead of done.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type {
  ContentSteps,
  EdgeModule,
  Module,
  Phase,
  RouteScope,
  RunningModule,
  Step,
  Steps,
} from "../../gateway/module.ts";
import { PHASES } from "../../gateway/module.ts";
import type { Plan, PlanStep } from "../../gateway/exchange/exchange.ts";

/** What one step did. */
export interface StepReport {
  readonly phase: Phase | "gateway";
  /** Name of the module; `gateway` for its own steps. */
  readonly module: string;
  /** `vhosts[0].routes[1]`: where the table that asks for this step stands. */
  readonly scope: string;
  readonly verdict: "passes" | "refuses" | "answers" | "not run";
  readonly detail: string;
}

/**
 * Phases that are described and not run: they sleep, or speak to an auth service, a mirror, a cache peer or
 * the upstream.
 */
const PREVIEWED: ReadonlySet<Phase> = new Set([
  "delay",
  "authenticate",
  "authorize",
  "mirror",
  "lookup",
  "forward",
]);

/**
 * Phases whose verdict is shown even when an earlier one has refused the request: a user who asks why a
 * client is turned away wants to know of every policy that would.
 */
const POLICIES: ReadonlySet<Phase> = new Set(["access", "rate", "concurrency", "authenticate"]);

/** Collects the reports of one request. */
export class Trace {
  readonly reports: StepReport[] = [];
  /** Set when the request would go to an upstream now: what the module says about it. */
  forwarded: StepReport | undefined;
  /** Head of the request it would send there. */
  sends: readonly string[] = [];
  /** The steps of modules; of a policy, what it says when it is not asked. */
  readonly #named = new WeakMap<PlanStep, (exchange: Exchange) => StepReport | undefined>();

  /** The same modules, their steps written down. */
  wrap(modules: readonly Module[]): Module[] {
    return modules.map((module) => ({
      ...module,
      edge: async () => this.#tracedEdge(await module.edge()),
    }));
  }

  #tracedEdge(edge: EdgeModule): EdgeModule {
    return {
      ...edge,
      open: async (worker) => {
        const part = await edge.open(worker);
        return {
          start: async (snapshot) => this.#running(edge.name, await part.start(snapshot)),
          close: () => part.close?.(),
        };
      },
    };
  }

  /** Runs `plan` until it answers or would forward; of policies after a refusal the verdict is shown. */
  async run(exchange: Exchange, plan: Plan): Promise<void> {
    for (const step of plan.steps) {
      if (exchange.refusal !== undefined) {
        const report = this.#named.get(step)?.(exchange);
        if (report !== undefined) this.reports.push(report);
        continue;
      }
      if (exchange.status !== 0 || this.forwarded !== undefined) break;
      if (this.#named.has(step)) await step(exchange);
      else await this.#own(step, exchange);
    }
    if (exchange.refusal?.isFailure === true) {
      for (const step of plan.failure) await step(exchange);
    }
    for (const step of plan.page) {
      if (exchange.refusal === undefined || exchange.hasErrorPage) break;
      await step(exchange);
    }
    if (exchange.refusal !== undefined && !exchange.hasErrorPage) return;
    if (exchange.status === 0 && this.forwarded === undefined) return;
    for (const step of exchange.namePolicy?.response ?? plan.response) await step(exchange);
  }

  #running(name: string, running: RunningModule): RunningModule {
    return {
      ...(running.listenerTls === undefined ? {} : { listenerTls: running.listenerTls }),
      plan: (scope) => {
        const steps = running.plan(scope);
        return steps === undefined ? undefined : this.#traced(name, running, scope, steps);
      },
      explain: (scope, exchange, phase) => running.explain?.(scope, exchange, phase),
      stop: () => running.stop(),
    };
  }

  #traced(name: string, running: RunningModule, scope: RouteScope, steps: Steps): Steps {
    const traced: { -readonly [P in Phase]?: Step } = {};
    for (const phase of PHASES) {
      const step = phase === "forward" && steps.origin !== undefined ? NOT_RUN : steps[phase];
      if (step === undefined) continue;
      const wrapped: Step = async (exchange) => {
        // A forward step that would send nothing answers by itself.
        const sends = phase === "forward" ? running.sends?.(scope, exchange) : undefined;
        const isPreviewed = phase === "forward" ? sends !== undefined : PREVIEWED.has(phase);
        // After an upstream that was not asked there is no answer to work on.
        const previewed = isPreviewed || this.forwarded !== undefined;
        // Asked before the step runs: a step may use up what its answer depends on.
        const said = running.explain?.(scope, exchange, phase) ?? "";
        if (previewed) running.predict?.(scope, exchange, phase);
        else await step(exchange);
        const verdict = previewed ? "not run" : verdictOf(exchange, phase);
        const detail = verdict === "refuses" ? refusalOf(exchange, said) : said;
        const report = { phase, module: name, scope: scope.key, verdict, detail } as const;
        this.reports.push(report);
        if (sends === undefined) return;
        this.forwarded = report;
        this.sends = sends;
      };
      this.#named.set(wrapped, (exchange) => {
        if (!POLICIES.has(phase)) return undefined;
        const detail = running.explain?.(scope, exchange, phase) ?? "";
        return { phase, module: name, scope: scope.key, verdict: "not run", detail };
      });
      traced[phase] = wrapped;
    }
    const { recodes, content } = steps;
    if (content !== undefined) traced.serve = this.#tracedContent(name, running, scope, content);
    return recodes === undefined ? traced : { ...traced, recodes };
  }

  /** An application: whether a request is for it is found out, and it is not asked. */
  #tracedContent(
    name: string,
    running: RunningModule,
    scope: RouteScope,
    content: ContentSteps,
  ): Step {
    const wrapped: Step = async (exchange) => {
      const said = running.explain?.(scope, exchange, "serve") ?? "";
      const isAsked = await content.request(exchange) !== undefined;
      const verdict = isAsked ? "not run" : verdictOf(exchange, "serve");
      const detail = verdict === "refuses" ? refusalOf(exchange, said) : said;
      const report = { phase: "serve", module: name, scope: scope.key, verdict, detail } as const;
      this.reports.push(report);
      if (isAsked) this.forwarded = report;
    };
    this.#named.set(wrapped, () => undefined);
    return wrapped;
  }

  /** A step of the gateway's own: worth a line when it did something. */
  async #own(step: PlanStep, exchange: Exchange): Promise<void> {
    const before = exchange.servedPath;
    await step(exchange);
    const scope = exchange.scope?.key ?? "";
    const base = { phase: "gateway", module: "gateway", scope } as const;
    if (exchange.status !== 0) {
      const verdict = verdictOf(exchange, "serve");
      const location = exchange.response.get("location");
      const detail = location === undefined ? refusalOf(exchange, "") : `redirects to ${location}`;
      this.reports.push({ ...base, verdict, detail });
    } else if (exchange.servedPath !== before) {
      const detail = `rewrites ${before} to ${exchange.servedPath}`;
      this.reports.push({ ...base, verdict: "passes", detail });
    }
  }
}

/** Stands for what asks an origin, which is described and not run. */
const NOT_RUN: Step = () => {};

function verdictOf(exchange: Exchange, phase: Phase): StepReport["verdict"] {
  if (exchange.hasErrorPage) return phase === "failure" ? "answers" : "passes";
  if (exchange.refusal !== undefined) return "refuses";
  return exchange.status !== 0 && phase !== "response" ? "answers" : "passes";
}

function refusalOf({ status, refusal }: Exchange, said: string): string {
  const text = refusal === undefined || refusal.text === "" ? "" : ` "${refusal.text}"`;
  const why = said === "" ? refusal?.cause ?? "" : said;
  return `${status}${text}${why === "" ? "" : `: ${why}`}`;
}
