/**
 * Real programs as peers, and what every test of the whole program needs.
 *
 * @module
 */
import { freePort, Process, TempDir } from "../../src/runtime/testing/program.ts";

export {
  accepts,
  catchesUsr1,
  DEAD_PORT,
  freePort,
  Process,
  TempDir,
} from "../../src/runtime/testing/program.ts";
export { moment, until } from "../../src/net/testing/until.ts";

/** Directories Debian puts daemons in that a user's PATH may lack. */
const DAEMON_DIRS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** Path of the program `name`, or `undefined` where it is not installed. */
export function find(name: string): string | undefined {
  for (const dir of [...(Deno.env.get("PATH") ?? "").split(":"), ...DAEMON_DIRS]) {
    try {
      const path = `${dir}/${name}`;
      const info = Deno.statSync(path);
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) return path;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/**
 * A test that needs programs which are not part of the project. Where one is missing the test is
 * skipped, and its name says what is missing.
 */
export function testWith(
  programs: readonly string[],
  name: string,
  run: (t: Deno.TestContext) => Promise<void>,
): void {
  testUnlessMissing(programs.filter((program) => find(program) === undefined), name, run);
}

/** A test that is skipped where something is missing; its name then says what. `tests/run.ts` counts it. */
export function testUnlessMissing(
  missing: readonly string[],
  name: string,
  run: (t: Deno.TestContext) => Promise<void>,
): void {
  Deno.test({
    name: missing.length === 0 ? name : `${name} (${missing.join(", ")} is not installed)`,
    ignore: missing.length > 0,
    fn: run,
  });
}

/** A real nginx; its directory goes with it. */
class Nginx extends Process {
  constructor(readonly port: number, readonly dir: TempDir, config: string) {
    super(find("nginx")!, ["-c", config, "-p", dir.path, "-e", "stderr"]);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** An nginx with `http` as the body of its http block. `{port}` stands for the port it is given. */
export function nginx(http: string): Promise<Nginx> {
  const port = freePort();
  const dir = new TempDir();
  const config = dir.write(
    "nginx.conf",
    `daemon off; master_process off; worker_processes 1; pid ${dir.path}/pid; error_log stderr;
     events { worker_connections 512; }
     http { access_log off; client_body_temp_path ${dir.path}/b; proxy_temp_path ${dir.path}/p;
       fastcgi_temp_path ${dir.path}/f; uwsgi_temp_path ${dir.path}/u; scgi_temp_path ${dir.path}/s;
       ${http.replaceAll("{port}", String(port)).replaceAll("{dir}", dir.path)} }`,
  );
  return new Nginx(port, dir, config).listening(port);
}
