/** Real database servers on ports of their own, run by root as well as by an ordinary user. @module */
import { find, Process, type TempDir, until } from "./peer.ts";

/** Programs that {@linkcode startPostgres} runs. */
export const POSTGRES = ["postgres", "initdb", "setpriv"];
/** Programs that {@linkcode startMariaDb} runs. */
export const MARIADB = ["mariadbd", "mariadb-install-db"];

/** As root MariaDB needs a flag, and PostgreSQL another user. */
const isRoot = Deno.uid() === 0;

/** PostgreSQL on `port`, with its data in `dir`; user `postgres` needs no password. */
export async function startPostgres(dir: TempDir, port: number): Promise<Process> {
  await Deno.chmod(dir.path, 0o755);
  const data = `${dir.path}/data`;
  await Deno.mkdir(data);
  const as = isRoot ? ["--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
  if (isRoot) await succeed("chown", ["postgres", data]);
  await succeed("setpriv", [...as, find("initdb")!, "-D", data, "-A", "trust", "-U", "postgres"]);
  const server = ["-D", data, "-p", `${port}`, "-h", "127.0.0.1", "-k", ""];
  const process = new Process(find("setpriv")!, [...as, find("postgres")!, ...server]);
  await process.listening(port);
  await until("it takes sessions", () => /ready to accept connections/.test(process.output));
  return process;
}

/** MariaDB on `port`, with its data in `dir`; user `root` needs no password. */
export async function startMariaDb(dir: TempDir, port: number): Promise<Process> {
  const data = `${dir.path}/data`;
  const as = isRoot ? ["--user=root"] : [];
  const install = ["--no-defaults", `--datadir=${data}`, ...as];
  await succeed("mariadb-install-db", [...install, "--auth-root-authentication-method=normal"]);
  const args = ["--no-defaults", `--datadir=${data}`, `--port=${port}`, ...as];
  const more = [
    "--bind-address=127.0.0.1",
    `--socket=${dir.path}/socket`,
    `--pid-file=${dir.path}/pid`,
  ];
  return await new Process(find("mariadbd")!, [...args, ...more]).listening(port);
}

async function succeed(program: string, args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (success) return;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  throw new Error(`${program}: ${text(stderr)}${text(stdout)}`);
}
