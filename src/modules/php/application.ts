/**
 * One `php` table at work in one worker: from the path of a request to its script, and what takes the place
 * of a script's answer (spec 07 section 7).
 *
 * @module
 */
import { ClientRequest } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import { percentEncodePath } from "../../http/percent.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { RouteScope, SnapshotContext, Steps } from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { askPolicy } from "../../gateway/route/name_policy.ts";
import { redirect } from "../../gateway/route/redirect.ts";
import { count } from "../../zones/count.ts";
import { policiesOf, type RequestPolicy } from "../headers/edge.ts";
import { proxyOf } from "../proxy/table.ts";
import { answer, errorPage, pageSite } from "../web/edge.ts";
import { AnswerMaker } from "./answer/answer_maker.ts";
import { PhpCounters } from "./counters.ts";
import type { ErrorText } from "./fpm/stderr.ts";
import { PhpHandler } from "./handler.ts";
import { jobOf, offloadOf, setJob, setOffload } from "./job.ts";
import { MemoryBudget } from "./memory_budget.ts";
import { note } from "./answer/outcome.ts";
import { answerSettings, offloadSite, paramSettings, respondersOf, spoolOf } from "./settings.ts";
import type { PhpConfig } from "./schema.ts";
import { type Resolution, type Script, ScriptResolver } from "./script/resolve.ts";
import { type UrlName, urlNames } from "./script/url_name.ts";
import { StaticCache } from "./static_cache.ts";
import { type EnabledPhp, permitZone, poolLabel, uploadZone } from "./table.ts";

const FORBIDDEN: Refusal = { status: 403, text: "forbidden", cause: "php_path" };
const NOT_FOUND: Refusal = { status: 404, text: "not found", cause: "php_missing" };
const BROKEN: Refusal = { status: 500, text: "internal server error", cause: "php_io" };
const TOO_LARGE: Refusal = { status: 413, text: "", cause: "body", close: true };
const UNKNOWN_CLIENT: Refusal = { status: 502, text: "", cause: "php_client", isFailure: true };

/** The application of one scope. */
export class Application {
  readonly #php: EnabledPhp;
  readonly #scope: RouteScope;
  readonly #context: SnapshotContext;
  readonly #resolver: ScriptResolver;
  readonly #urlName: UrlName;
  readonly #policy: RequestPolicy;
  readonly #handler: PhpHandler;
  readonly #offloads: ReturnType<typeof offloadSite>;
  readonly #counters: PhpCounters;
  readonly #staticCache: StaticCache | undefined;
  readonly #pages: ReadonlyMap<number, Page>;
  #hasRefusedLink = false;

  constructor(php: EnabledPhp, scope: RouteScope, context: SnapshotContext) {
    this.#php = php;
    this.#scope = scope;
    this.#context = context;
    this.#resolver = new ScriptResolver(php, () => this.#refuseLink());
    this.#urlName = urlNames(scope.route);
    this.#policy = policiesOf(context).request(scope);
    this.#counters = new PhpCounters(context.metrics, scope.vhost.name);
    this.#offloads = offloadSite(php, context);
    this.#staticCache = php.static_cache && new StaticCache(php.static_cache, this.#offloads);
    this.#pages = new Map(php.error_pages.map(({ status, path, web }) => [
      status,
      { path, site: pageSite(context, web) },
    ]));
    this.#handler = new PhpHandler({
      responders: respondersOf(php, scope, context),
      answers: new AnswerMaker({
        ...answerSettings(php, scope),
        page: (status) => this.#page(status),
        onErrors: (errors) => this.#logErrors(errors),
        warn: (message, exchange) => this.#warn(message, exchange),
      }),
      params: paramSettings(php, scope),
      permits: context.zones.open(count, permitZone(scope)),
      uploads: context.zones.open(count, uploadZone(scope)),
      maxInFlight: php.max_in_flight,
      passesBody: php.pass_request_body,
      spool: spoolOf(php),
      streams: php.streaming,
      memory: context.keep("php/memory", () => new MemoryBudget()),
      warn: (message, exchange) => this.#warn(message, exchange),
    });
  }

  /** What the plan is made of. */
  get steps(): Steps {
    return {
      content: { origin: this.#handler, request: (exchange) => this.#request(exchange) },
      failure: (exchange) => this.#replaceFailure(exchange),
      response: (exchange) => this.#sendOffload(exchange),
    };
  }

  /** An exchange of this scope is over. */
  finished(exchange: Exchange): void {
    this.#counters.countRequest(exchange);
  }

  /** What would be done with a request, in one line. */
  explain(exchange: Exchange): string {
    const found = this.#resolver.resolve(exchange.servedPath);
    switch (found.kind) {
      case "script":
        return `executes ${found.filename}` +
          (found.pathInfo === "" ? "" : ` with PATH_INFO ${found.pathInfo}`);
      case "file":
        return this.#declines
          ? "a file: passes on to the static handler"
          : "a file: asks the index";
      case "directory":
        return `${exchange.path} is a directory: redirects to its path with a slash`;
      case "missing":
        return "no such script";
      case "forbidden":
        return "nothing at this path may be executed";
    }
  }

  /** A vhost's application passes on what a file answers; a route's action is its last word. */
  get #declines(): boolean {
    return this.#scope.route === undefined;
  }

  #request(exchange: Exchange): ClientRequest | undefined | Promise<ClientRequest | undefined> {
    if (this.#staticCache?.serve(exchange) === true) {
      note(exchange, "static_cache");
      return undefined;
    }
    const found = this.#resolve(exchange);
    switch (found?.kind) {
      case undefined:
      case "file":
        return undefined;
      case "forbidden":
        note(exchange, "forbidden");
        return void refuse(exchange, FORBIDDEN);
      case "missing":
        note(exchange, "not_found");
        return void refuse(exchange, NOT_FOUND);
      case "directory":
        return this.#redirect(exchange);
      case "script":
        return this.#execute(exchange, found);
    }
  }

  #resolve(exchange: Exchange): Resolution | undefined {
    try {
      const found = this.#resolver.resolve(exchange.servedPath);
      if (found.kind === "directory" && this.#isMade) return FOUND_NOTHING;
      if (found.kind !== "file") return found;
      if (!this.#declines) return this.#resolver.frontController();
      note(exchange, "declined");
      return found;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log("error", `a script could not be looked for: ${reason}`);
      note(exchange, "other");
      refuse(exchange, BROKEN);
      return undefined;
    }
  }

  /** A path that a template made says nothing about the one that was asked for. */
  get #isMade(): boolean {
    return this.#scope.route?.rewrite_template !== undefined;
  }

  /** By the path that the client asked for, which is safe: it begins with one slash and has no backslash. */
  #redirect(exchange: Exchange): undefined {
    note(exchange, "redirect");
    const query = exchange.query === undefined ? "" : `?${exchange.query}`;
    redirect(exchange, 308, `${exchange.path}/${query}`);
  }

  #execute(
    exchange: Exchange,
    script: Script,
  ): ClientRequest | undefined | Promise<ClientRequest | undefined> {
    const scriptName = this.#urlName(script.name);
    setJob(exchange, { script, scriptName });
    const path = percentEncodePath(scriptName);
    const policy = path === exchange.path ? undefined : exchange.plan?.names?.of(exchange, path);
    const waiting = policy && askPolicy(policy, exchange);
    if (waiting !== undefined) return waiting.then(() => this.#made(exchange));
    return this.#made(exchange);
  }

  /** The request to the origin, unless a policy of the script has answered. */
  #made(exchange: Exchange): ClientRequest | undefined {
    if (exchange.status !== 0 || exchange.aborted) return undefined;
    if (exchange.clientAddress === "") return void refuse(exchange, UNKNOWN_CLIENT);
    const { max_request_body_bytes: limit = Infinity } = this.#php;
    const body = exchange.requestBody;
    if (body?.length !== undefined && body.length > limit) return void refuse(exchange, TOO_LARGE);
    exchange.bodyLimit = Math.min(exchange.bodyLimit, limit);
    this.#limitClient(exchange);
    exchange.findings.upstream = "php-fpm";
    const fields = new Fields();
    this.#policy.apply(exchange, fields);
    return new ClientRequest(
      exchange.method,
      exchange.target,
      exchange.connection.tls === undefined ? "http" : "https",
      this.#policy.authority(exchange),
      fields,
      body,
      undefined,
    );
  }

  /** Time limits for the client are those of the proxy table beside it. */
  #limitClient(exchange: Exchange): void {
    const proxy = proxyOf(this.#scope);
    if (proxy === undefined) return;
    exchange.bodyTimeoutMs = proxy.downstream_read_timeout_secs * 1000;
    exchange.writeTimeoutMs = proxy.downstream_write_timeout_secs * 1000;
    exchange.responseTimeoutMs = (proxy.downstream_total_response_timeout_secs ?? 0) * 1000;
    exchange.minSendRate = proxy.downstream_min_send_rate_bytes_per_sec ?? 0;
  }

  /** A page of this table for a failure of php-fpm goes before one of the proxy. */
  #replaceFailure(exchange: Exchange): void {
    if (jobOf(exchange) === undefined) return;
    const page = this.#page(exchange.status);
    if (page === undefined) return;
    exchange.response = page.fields;
    exchange.responseBody = page.body;
    exchange.hasErrorPage = true;
  }

  #page(status: number) {
    const page = this.#pages.get(status);
    return page && errorPage(page.site, page.path);
  }

  /** The file that the script lets the gateway send: conditions and ranges are the request's. */
  #sendOffload(exchange: Exchange): void {
    const path = offloadOf(exchange);
    if (path === "") return;
    setOffload(exchange, "");
    let content;
    try {
      content = this.#offloads.content(path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log("error", `a file could not be sent for a script: ${reason}`);
    }
    if (content !== undefined && content.representation.index === "") {
      return answer(exchange, content);
    }
    content?.discard();
    note(exchange, "offload_error");
    refuse(exchange, NOT_FOUND);
  }

  #refuseLink(): void {
    if (this.#hasRefusedLink) return;
    this.#hasRefusedLink = true;
    this.#log("warn", `a symbolic link below ${this.#php.root} is not followed`);
  }

  #logErrors(errors: ErrorText): void {
    const { stderr_log, stderr_log_level, stderr_max_bytes } = this.#php;
    this.#counters.countErrors(errors.length > stderr_max_bytes);
    if (stderr_log) this.#log(stderr_log_level, `php-fpm stderr: ${errors.text()}`);
  }

  #warn(message: string, exchange: Exchange | undefined): void {
    const id = exchange?.requestId ?? "";
    this.#log("warn", `php-fpm ${message}${id === "" ? "" : `, request ${id}`}`);
  }

  #log(level: PhpConfig["stderr_log_level"], message: string): void {
    const { vhost } = this.#scope;
    const where = `${vhost.name}/${poolLabel(this.#scope)}`;
    this.#context.log.log(level, "fluxheim::php_fpm", `${where}: ${message}`);
  }
}

interface Page {
  readonly path: string;
  readonly site: ReturnType<typeof pageSite>;
}

const FOUND_NOTHING: Resolution = { kind: "missing" };
