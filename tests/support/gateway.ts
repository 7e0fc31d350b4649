/**
 * The real program, started as an operator would: `deno run` with exactly the permissions that its
 * configuration needs.
 *
 * @module
 */
import { loadConfig } from "../../src/config/load.ts";
import { profile } from "../../src/profiles/development.ts";
import { permissionPlan, toFlags } from "../../src/runtime/permissions.ts";
import { freePort, Process, TempDir } from "./peer.ts";

const root = new URL("../..", import.meta.url).pathname;

/** Arguments of `deno` that run the gateway on `config`. */
export async function launchArguments(config: string): Promise<string[]> {
  const { modules } = profile;
  const tables = modules.flatMap(({ schema }) => schema);
  const checks = modules.flatMap(({ check }) => check === undefined ? [] : [check]);
  const loaded = await loadConfig(config, tables, checks);
  if (loaded.config === undefined) {
    throw new Error(loaded.problems.map(({ key, message }) => `${key}: ${message}`).join("\n"));
  }
  const flags = toFlags(permissionPlan(loaded.config, modules, { source: config }));
  return ["run", "-q", ...flags, `${root}src/main.ts`, "--config", config];
}

/** The gateway at work. */
export class TestGateway implements AsyncDisposable {
  private constructor(
    readonly process: Process,
    readonly port: number,
    readonly dir: TempDir,
    readonly configPath: string,
  ) {}

  /** Starts it on `config`, in which `{port}` is its port and `{dir}` a directory of its own. */
  static async start(
    config: string,
    files: Readonly<Record<string, string>> = {},
  ): Promise<TestGateway> {
    const port = freePort();
    const dir = new TempDir();
    for (const [name, content] of Object.entries(files)) dir.write(name, content);
    const text = config.replaceAll("{port}", String(port)).replaceAll("{dir}", dir.path);
    const path = dir.write("fluxheim.toml", text);
    const process = new Process(Deno.execPath(), await launchArguments(path));
    try {
      await process.listening(port);
    } catch (error) {
      await process.stop();
      await dir[Symbol.asyncDispose]();
      throw error;
    }
    return new TestGateway(process, port, dir, path);
  }

  /** `http://127.0.0.1:port` and `path`. */
  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    await this.dir[Symbol.asyncDispose]();
  }
}
