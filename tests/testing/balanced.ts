/** Pools of real upstreams behind the real program. @module */
import { TestGateway } from "./gateway.ts";
import { type Responder, Upstream } from "./upstream.ts";

/** Upstreams that answer with their names, and a gateway that chooses among them. */
export class Balanced implements AsyncDisposable {
  private constructor(readonly gateway: TestGateway, readonly members: readonly Upstream[]) {}

  /**
   * @param keys Of the proxy block, `[proxy.load_balance]` and its tables among them; `{0}` stands for the address
   * of the first member.
   * @param respond What member `i` answers.
   */
  static async start(
    count: number,
    keys: string,
    {
      respond = (i: number): Responder => (_, response) => response.end(`m${i}`),
      threads = 1,
      root = "",
    } = {},
  ): Promise<Balanced> {
    await using made = new AsyncDisposableStack();
    const members: Upstream[] = [];
    for (let i = 0; i < count; i++) members.push(made.use(await Upstream.start(respond(i))));
    // Members are in the order of their ports, whatever the system picked.
    members.sort((a, b) => a.port - b.port);
    const addresses = members.map(({ port }) => `127.0.0.1:${port}`);
    const filled = addresses.reduce((text, address, i) => text.replaceAll(`{${i}}`, address), keys);
    const gateway = made.use(
      await TestGateway.start(`
${root}
[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = ${threads}
[proxy]
upstreams = ${JSON.stringify(addresses)}
${filled}
`),
    );
    made.move();
    return new Balanced(gateway, members);
  }

  address(i: number): string {
    return `127.0.0.1:${this.members[i].port}`;
  }

  /** Status and text of an answer. */
  async get(
    path = "/",
    init: RequestInit = {},
  ): Promise<{ status: number; text: string; response: Response }> {
    const response = await fetch(this.gateway.url(path), init);
    return { status: response.status, text: await response.text(), response };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    for (const member of this.members) await member[Symbol.asyncDispose]();
  }
}
