/** WordPress as Debian packages it, with a database of its own; and a browser's way through it. @module */
import { find, Process, TempDir, until } from "../testing/peer.ts";

/** Programs and trees without which there is no WordPress here. */
export function missingForWordPress(): string[] {
  const programs = ["mariadbd", "mariadb", "mariadb-install-db"].filter((name) =>
    find(name) === undefined
  );
  return isDirectory(TREE) ? programs : [...programs, "wordpress"];
}

const TREE = "/usr/share/wordpress";

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(find(program) ?? program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}

/** A database server that listens on a unix socket alone. */
export class MariaDb extends Process {
  private constructor(readonly dir: TempDir, readonly socket: string) {
    super(find("mariadbd")!, [
      "--no-defaults",
      `--datadir=${dir.path}/data`,
      `--socket=${socket}`,
      `--pid-file=${dir.path}/pid`,
      "--skip-networking",
      ...(Deno.uid() === 0 ? ["--user=root"] : []),
    ]);
  }

  static async start(): Promise<MariaDb> {
    const dir = new TempDir();
    Deno.chmodSync(dir.path, 0o755);
    await run(
      "mariadb-install-db",
      "--no-defaults",
      `--datadir=${dir.path}/data`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
      ...(Deno.uid() === 0 ? ["--user=root"] : []),
    );
    const server = new MariaDb(dir, `${dir.path}/db.sock`);
    await until("the database accepts connections", async () => {
      if (server.status !== undefined) throw new Error(`mariadbd ended: ${server.output}`);
      return await server.#sql("SELECT 1").then(() => true, () => false);
    });
    return server;
  }

  /** A fresh database, and a user for it. */
  async create(name: string): Promise<void> {
    await this.#sql(
      `CREATE DATABASE ${name}; CREATE USER '${name}'@'localhost' IDENTIFIED BY 'secret'; ` +
        `GRANT ALL ON ${name}.* TO '${name}'@'localhost'`,
    );
  }

  async #sql(text: string): Promise<void> {
    await run("mariadb", "--no-defaults", `--socket=${this.socket}`, "--user=root", "-e", text);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** A fresh tree of WordPress in `www` below `dir`. */
export async function installTree(dir: TempDir): Promise<void> {
  Deno.chmodSync(dir.path, 0o755);
  const root = `${dir.path}/www`;
  // The package links to other packages, and no link below the root is followed.
  await run("cp", "-rL", TREE, root).catch(() => {});
  Deno.removeSync(`${root}/wp-config.php`);
  Deno.mkdirSync(`${root}/wp-content/uploads`, { recursive: true });
  // Of a server whose name it does not know WordPress believes that it cannot have paths of its own.
  Deno.mkdirSync(`${root}/wp-content/mu-plugins`, { recursive: true });
  Deno.writeTextFileSync(
    `${root}/wp-content/mu-plugins/permalinks.php`,
    "<?php add_filter('got_url_rewrite', '__return_true');",
  );
  await run("chmod", "-R", "u+rwX,go+rX", root);
  if (Deno.uid() === 0) await run("chown", "-R", "www-data:www-data", root);
}

/** Tells the tree in `dir` its address and its database. */
export function configure(dir: TempDir, base: string, database: string, db: MariaDb): void {
  const keys = ["AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY"]
    .flatMap((key) => [key, key.replace("KEY", "SALT")])
    .map((key) => `define('${key}', '${crypto.randomUUID()}');`);
  Deno.writeTextFileSync(
    `${dir.path}/www/wp-config.php`,
    `<?php
define('DB_NAME', '${database}');
define('DB_USER', '${database}');
define('DB_PASSWORD', 'secret');
define('DB_HOST', 'localhost:${db.socket}');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
${keys.join("\n")}
define('WP_HOME', '${base}');
define('WP_SITEURL', '${base}');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('DISABLE_WP_CRON', true);
define('WP_AUTO_UPDATE_CORE', false);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
`,
  );
}

/** A page that a browser has fetched. */
export interface Page {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** A browser without a screen: it keeps cookies and follows no redirect. */
export class Browser {
  readonly cookies = new Map<string, string>();

  /** @param base `http://host:port`. */
  constructor(readonly base: string, readonly client?: Deno.HttpClient) {}

  async get(path: string, headers: Record<string, string> = {}): Promise<Page> {
    return await this.#ask(path, { headers });
  }

  async post(
    path: string,
    form: Record<string, string> | FormData,
    headers: Record<string, string> = {},
  ): Promise<Page> {
    const body = form instanceof FormData ? form : new URLSearchParams(form);
    return await this.#ask(path, { method: "POST", body, headers });
  }

  async send(
    method: string,
    path: string,
    json: unknown,
    headers: Record<string, string> = {},
  ): Promise<Page> {
    return await this.#ask(path, {
      method,
      body: JSON.stringify(json),
      headers: { "content-type": "application/json", ...headers },
    });
  }

  async #ask(path: string, init: RequestInit): Promise<Page> {
    const headers = new Headers(init.headers);
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    if (cookie !== "") headers.set("cookie", cookie);
    const options: RequestInit & { client?: Deno.HttpClient } = {
      ...init,
      headers,
      redirect: "manual",
    };
    if (this.client !== undefined) options.client = this.client;
    const response = await fetch(`${this.base}${path}`, options);
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(";", 1);
      const at = pair.indexOf("=");
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return { status: response.status, text: await response.text(), headers: response.headers };
  }
}
