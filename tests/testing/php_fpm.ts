/** A real php-fpm with a pool and a directory of scripts of its own. @module */
import { find, Process, TempDir, testWith, until } from "./peer.ts";

/** Names of the program, the newest first: Debian's unversioned one is a link. */
const NAMES = ["php-fpm8.4", "php-fpm8.3", "php-fpm8.2", "php-fpm8.1"];

/** The program that is installed. */
export const PHP_FPM: string | undefined = NAMES.map(find).find((path) => path !== undefined);

/** A test that needs php-fpm. */
export function testWithPhp(name: string, run: (t: Deno.TestContext) => Promise<void>): void {
  testWith(PHP_FPM === undefined ? [NAMES[2]] : [], name, run);
}

/** What a test says of its pool. */
export interface PoolOptions {
  readonly workers?: number;
  /** Further lines of the pool's configuration. */
  readonly lines?: readonly string[];
  /** Where it listens; in its own directory unless given. */
  readonly socket?: string;
}

/** A running php-fpm. */
export class PhpFpm extends Process {
  private constructor(readonly dir: TempDir, readonly socket: string, config: string) {
    super(PHP_FPM!, ["-F", ...(isRoot() ? ["-R"] : []), "-y", config]);
  }

  /** Starts one for the scripts in `files`, which are in `www` below its directory. */
  static async start(
    files: Readonly<Record<string, string | Uint8Array>>,
    { workers = 4, lines = [], socket: given }: PoolOptions = {},
  ): Promise<PhpFpm> {
    const dir = new TempDir();
    for (const [name, content] of Object.entries(files)) dir.write(`www/${name}`, content);
    const socket = given ?? `${dir.path}/fpm.sock`;
    const config = dir.write(
      "fpm.conf",
      `[global]
daemonize = no
error_log = ${dir.path}/fpm.log
[test]
listen = ${socket}
${isRoot() ? "user = root\ngroup = root" : ""}
pm = static
pm.max_children = ${workers}
catch_workers_output = yes
${lines.join("\n")}
`,
    );
    const fpm = new PhpFpm(dir, socket, config);
    await until("php-fpm listens", () => {
      if (fpm.status !== undefined) throw new Error(`php-fpm ended: ${fpm.output}`);
      return connects(socket);
    });
    return fpm;
  }

  /** The directory of its scripts. */
  get root(): string {
    return `${this.dir.path}/www`;
  }

  /** Requests it is asked for, as its log has them; where `access.log` is configured. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

function isRoot(): boolean {
  return Deno.uid() === 0;
}

async function connects(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}
