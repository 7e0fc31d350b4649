/**
 * The real program, started as an operator would: `deno run` with exactly the permissions that its
 * configuration needs.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { load, planFor } from "../../src/cli/load.ts";
import { formatProblem } from "../../src/config/problems/problems.ts";
import { profile as development } from "../../src/profiles/development.ts";
import { type Plan, toFlags } from "../../src/runtime/permissions/plan.ts";
import type { Profile } from "../../src/runtime/threads/profile.ts";
import { Audit } from "./audit.ts";
import { freePort, Process, TempDir } from "./peer.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A build of the gateway: what is in it, and the file that runs it. */
export interface Build {
  readonly profile: Profile;
  /** Below the checkout. */
  readonly entry: string;
}

/** `server.listen` where it is not given. */
const DEFAULT_LISTENER = "127.0.0.1:8080";

/** What a checkout runs. */
const DEVELOPMENT: Build = { profile: development, entry: "src/main.ts" };

/** The same with limits that end ten times sooner: for tests in which one ends. */
export const PACED: Build = { profile: development, entry: "tests/testing/paced.ts" };

/** Arguments of `deno` that run the gateway on `config`. */
export async function launchArguments(config: string, build = DEVELOPMENT): Promise<string[]> {
  return argumentsFor(await planOf(config, build), config, build);
}

async function planOf(config: string, { profile } = DEVELOPMENT): Promise<Plan> {
  const loaded = await load(profile, config);
  if (loaded.config === undefined) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  // One listener is there unless the configuration says otherwise, on a port that may be in use.
  if (loaded.config.server.listen.includes(DEFAULT_LISTENER)) {
    throw new Error(
      `the configuration does not name its listeners: ${DEFAULT_LISTENER} is the default`,
    );
  }
  return planFor(profile, loaded.config, config);
}

function argumentsFor(plan: Plan, config: string, { entry } = DEVELOPMENT): string[] {
  return ["run", "-q", ...toFlags(plan), `${root}${entry}`, "--config", config];
}

/** The gateway at work. */
export class TestGateway implements AsyncDisposable {
  private constructor(
    readonly process: Process,
    readonly port: number,
    readonly dir: TempDir,
    readonly configPath: string,
    readonly audit: Audit,
  ) {}

  /** Starts it on `config`, in which `{port}` is its port and `{dir}` a directory of its own. */
  static async start(
    config: string,
    files: Readonly<Record<string, string | Uint8Array>> = {},
    build = DEVELOPMENT,
  ): Promise<TestGateway> {
    const port = freePort();
    await using made = new AsyncDisposableStack();
    const dir = made.use(new TempDir());
    for (const [name, content] of Object.entries(files)) dir.write(name, content);
    const text = config.replaceAll("{port}", String(port)).replaceAll("{dir}", dir.path);
    const path = dir.write("fluxheim.toml", text);
    const plan = await planOf(path, build);
    const audit = new Audit(plan, `${dir.path}/audit.jsonl`);
    const env = audit.environment;
    const process = made.use(
      new Process(Deno.execPath(), argumentsFor(plan, path, build), { env }),
    );
    await process.listening(port);
    made.move();
    return new TestGateway(process, port, dir, path, audit);
  }

  /** `http://127.0.0.1:port` and `path`. */
  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Puts `to` into its configuration in place of `from`, which must be in it. */
  rewrite(from: string, to: string): void {
    const text = Deno.readTextFileSync(this.configPath);
    if (!text.includes(from)) throw new Error(`${from} does not stand in the configuration`);
    Deno.writeTextFileSync(this.configPath, text.replace(from, to));
  }

  /** Stops it; a permission that was used and not planned is a fault of any test. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    const undeclared = this.audit.finish();
    await this.dir[Symbol.asyncDispose]();
    if (undeclared.length > 0) throw new Error(`used, not declared: ${undeclared.join(", ")}`);
  }
}
