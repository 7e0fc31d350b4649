/** The command `cache-warm`: asks a running gateway for paths, so that they are stored. @module */
import type { CommandArgs, CommandCall } from "../../../gateway/command.ts";
import type { Config } from "../../../config/types.ts";
import { splitAuthority } from "../../../http/authority.ts";
import { request } from "node:http";
import { checkPath, headersOf, hostOption, InputError, numberOption } from "./command_input.ts";

const MAX_TARGETS = 4096;
const MAX_INPUT_BYTES = 1024 * 1024;

interface Target {
  readonly host: string;
  readonly path: string;
}

interface Warmed {
  readonly status: number;
  readonly bytes: number;
  readonly cacheStatus: string;
}

type Failure = "unexpected_status" | "unexpected_cache_status" | "request_error";

/** Warms a cache. */
export async function warm(call: CommandCall): Promise<number> {
  const config = await call.config();
  if (config === undefined) return 1;
  try {
    return await new Run(call, config).run();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    call.err(error.message);
    return 1;
  }
}

class Run {
  readonly #args: CommandArgs;
  readonly #targets: readonly Target[];
  readonly #repeat: number;
  readonly #sequence: readonly string[] | undefined;
  readonly #allowed: ReadonlySet<number>;
  readonly #listener: { readonly hostname: string; readonly port: number };
  readonly #counts = new Map<string, number>();
  #warmed = 0;
  #failed = 0;

  constructor(readonly call: CommandCall, config: Config) {
    const { args } = call;
    this.#args = args;
    this.#repeat = numberOption(args, "repeat", 1, 16);
    this.#targets = targetsOf(args, config);
    if (this.#targets.length * this.#repeat > MAX_TARGETS) {
      throw new InputError(`--repeat: at most ${MAX_TARGETS} requests in all`);
    }
    this.#sequence = args.get("expect-cache-status-sequence")?.split(",").map((word) =>
      word.trim()
    );
    if (this.#sequence !== undefined && this.#sequence.length !== this.#repeat) {
      throw new InputError("--expect-cache-status-sequence: must have one status for each repeat");
    }
    this.#allowed = new Set(args.all("allow-status").map(Number));
    this.#listener = listenerOf(args, config);
  }

  async run(): Promise<number> {
    const { call } = this;
    if (this.#args.has("dry-run")) {
      for (const { host, path } of this.#targets) call.out(`would warm: host=${host} path=${path}`);
      return 0;
    }
    const { hostname, port } = this.#listener;
    call.out(`cache warm targets: ${this.#targets.length}`);
    call.out(`cache warm requests: ${this.#targets.length * this.#repeat}`);
    call.out(`cache warm listener: ${hostname}:${port}`);
    for (const target of this.#targets) {
      for (let attempt = 1; attempt <= this.#repeat; attempt++) {
        const failure = await this.#warm(target, attempt);
        if (failure !== undefined && this.#args.has("fail-fast")) return this.#end();
      }
    }
    return this.#end();
  }

  #end(): number {
    for (const [what, count] of this.#counts) this.call.out(`${what}: ${count}`);
    this.call.out(`cache warm completed: warmed=${this.#warmed} failed=${this.#failed}`);
    return this.#failed > 0 ? 1 : 0;
  }

  async #warm(target: Target, attempt: number): Promise<Failure | undefined> {
    const { host, path } = target;
    const at = `host=${host} path=${path} attempt=${attempt}/${this.#repeat}`;
    let got: Warmed;
    try {
      got = await this.#ask(target);
    } catch (error) {
      return this.#fail("request_error", `${at} ${error instanceof Error ? error.message : error}`);
    }
    const { status, bytes, cacheStatus } = got;
    const result = `${at} status=${status} bytes=${bytes} cache_status=${cacheStatus}`;
    this.#count(`response status ${status}`);
    this.#count(`cache status ${cacheStatus === "" ? "none" : cacheStatus}`);
    if (!(status >= 200 && status < 400) && !this.#allowed.has(status)) {
      return this.#fail("unexpected_status", result);
    }
    const expected = this.#sequence === undefined
      ? this.#args.all("expect-cache-status")
      : [this.#sequence[attempt - 1]];
    if (expected.length > 0 && !expected.includes(cacheStatus)) {
      return this.#fail("unexpected_cache_status", result);
    }
    this.#warmed++;
    this.call.out(`warmed: ${result}`);
  }

  #fail(failure: Failure, text: string): Failure {
    this.#failed++;
    this.#count(`failure ${failure}`);
    this.call.err(`failed: ${text} reason=${failure}`);
    return failure;
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  #ask({ host, path }: Target): Promise<Warmed> {
    const { hostname, port } = this.#listener;
    const name = (this.#args.get("cache-status-header") ?? "x-cache-status").toLowerCase();
    const timeout = numberOption(this.#args, "timeout-secs", 10, 86_400) * 1000;
    return new Promise((resolve, reject) => {
      const headers = {
        "user-agent": "fluxheim-cache-warm",
        ...Object.fromEntries(headersOf(this.#args)),
        host,
        connection: "close",
      };
      const asked = request({ hostname, port, path, headers, timeout }, (response) => {
        let bytes = 0;
        response.on("data", (part: Uint8Array) => bytes += part.length);
        response.on("error", reject);
        response.on("end", () => {
          const { statusCode = 0, headers } = response;
          resolve({ status: statusCode, bytes, cacheStatus: String(headers[name] ?? "") });
        });
      });
      asked.on("timeout", () => asked.destroy(new Error("it took too long")));
      asked.on("error", reject);
      asked.end();
    });
  }
}

function targetsOf(args: CommandArgs, config: Config): readonly Target[] {
  const host = hostOption(args, config);
  const targets: Target[] = args.all("path").map((path) => ({ host, path: checkPath(path) }));
  const input = args.get("input");
  if (input !== undefined) targets.push(...targetsIn(input, host));
  if (targets.length === 0) throw new InputError("--path or --input: must name a path");
  const most = numberOption(args, "max-targets", 256, MAX_TARGETS);
  if (targets.length > most) {
    throw new InputError(`--max-targets: there are ${targets.length} paths`);
  }
  return targets;
}

/** Lines `/path` or `host /path`. */
function targetsIn(file: string, host: string): Target[] {
  if (Deno.statSync(file).size > MAX_INPUT_BYTES) {
    throw new InputError("--input: must be at most 1 MiB");
  }
  return Deno.readTextFileSync(file).split("\n").flatMap((line) => {
    const words = line.split("#", 1)[0].trim().split(/\s+/);
    if (words[0] === "") return [];
    return words.length === 1
      ? [{ host, path: checkPath(words[0]) }]
      : [{ host: words[0], path: checkPath(words[1]) }];
  });
}

function listenerOf(args: CommandArgs, { server }: Config) {
  const text = args.get("listen") ?? server.listen.find((entry) => !entry.startsWith("unix:"));
  const parts = text === undefined ? undefined : splitAuthority(text);
  if (parts === undefined) throw new InputError("--listen: must be an address and port");
  const isAny = parts.host === "0.0.0.0" || parts.host === "::";
  const loopback = parts.host === "::" ? "::1" : "127.0.0.1";
  return { hostname: isAny ? loopback : parts.host, port: parts.port };
}
