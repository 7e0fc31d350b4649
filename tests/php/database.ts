/** A database for the applications that are tested here. @module */
import { find, Process, TempDir, until } from "../testing/peer.ts";
import { run } from "./run.ts";

/** Programs without which there is none here. */
export function missingForDatabase(): string[] {
  return ["mariadbd", "mariadb", "mariadb-install-db"].filter((name) => find(name) === undefined);
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
