/** A gateway with the admin API on, and what tests ask of it. @module */
import { type Build, TestGateway } from "./gateway.ts";
import { freePort, until } from "./peer.ts";

export const TOKEN = "correct-horse-battery-staple";

/** Where requests are redirected to. */
const SITE = "https://site.example";

/** What the configuration of a test says. */
export interface Setup {
  /** Lines of `[admin]`, beside where it listens, its token and its store. */
  readonly admin?: string;
  /** Lines of `[server]`. */
  readonly server?: string;
  /** Tables after it. */
  readonly tables?: string;
  readonly threads?: number;
  readonly build?: Build;
}

/** Unless a test is about it: a stranger that takes the port for its own must not lock the test out. */
export const PATIENT = "[admin.auth_throttle]\nper_source_failures = 1000\nglobal_failures = 10000";

function configText(
  adminPort: number,
  { admin = "", server = "", tables = "", threads = 1 }: Setup,
): string {
  const throttle = admin.includes("[admin.auth_throttle]") ? "" : PATIENT;
  return `
[server]
listen = ["127.0.0.1:{port}"]
control_hosts = ["admin.internal"]
${server}
[server.process]
pid_file = "{dir}/fluxheim.pid"
threads = ${threads}
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.redirect]
enabled = true
to = "https://site.example/one"
[admin]
enabled = true
listen = "127.0.0.1:${adminPort}"
token_file = "{dir}/token"
snapshot_store = "{dir}/store"
${admin}
${throttle}
${tables}
`;
}

/** An answer of the admin API. */
export interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any -- tests look into whatever came
  readonly body: any;
  readonly headers: Headers;
}

/** A gateway whose single vhost redirects to what the configuration says, `/one` at first. */
export class AdminGateway implements AsyncDisposable {
  private constructor(readonly gateway: TestGateway, readonly port: number) {}

  static async start(setup: Setup = {}): Promise<AdminGateway> {
    const port = freePort();
    const gateway = await TestGateway.start(
      configText(port, setup),
      { token: `${TOKEN}\n` },
      setup.build,
    );
    await until("the API is served", () => /the service control runs/.test(gateway.process.output));
    return new AdminGateway(gateway, port);
  }

  get store(): string {
    return `${this.gateway.dir.path}/store`;
  }

  get output(): string {
    return this.gateway.process.output;
  }

  /** Asks with the token. */
  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.ask("GET", path, headers);
  }

  /** Asks with the token. */
  post(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.ask("POST", path, headers);
  }

  async ask(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    token: string | undefined = TOKEN,
  ): Promise<Answer> {
    const authorization: Record<string, string> = token === undefined || token === ""
      ? {}
      : { authorization: `Bearer ${token}` };
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { ...authorization, ...headers },
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  }

  /** Where requests are redirected now. */
  async target(): Promise<string> {
    const response = await fetch(this.gateway.url("/"), { redirect: "manual" });
    await response.body?.cancel();
    const location = response.headers.get("location");
    return location === null ? `status ${response.status}` : new URL(location).pathname;
  }

  /** Has the configuration redirect to `to`. */
  rewrite(to: string): void {
    const text = Deno.readTextFileSync(this.gateway.configPath);
    Deno.writeTextFileSync(
      this.gateway.configPath,
      text.replace(/to = ".*"/, `to = "${SITE}${to}"`),
    );
  }

  currentId(): string {
    return Deno.readTextFileSync(`${this.store}/current`).trim();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.gateway[Symbol.asyncDispose]();
  }
}
