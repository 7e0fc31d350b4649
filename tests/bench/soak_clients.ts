/**
 * Clients as a gateway on the internet meets them: some behave, some do not.
 *
 * @module
 */
import { RawClient } from "../testing/raw.ts";

const HOST = "host: 127.0.0.1\r\n";

/** Clients of every kind, each doing one thing after the other. */
export class Clients {
  readonly #port: number;
  readonly #done = new Map<string, number>();
  #failed = 0;
  #stopping = false;
  /** Kinds in turn, so that a run has them in the same proportions whatever its length. */
  #turn = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Keeps `count` clients at work until {@linkcode Clients.stop}. */
  async run(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#work()));
  }

  stop(): void {
    this.#stopping = true;
  }

  /** How often each kind was at work. */
  get summary(): string {
    const kinds = [...this.#done].map(([kind, count]) => `${count} ${kind}`);
    return `${kinds.join(", ")}; ${this.#failed} failed`;
  }

  async #work(): Promise<void> {
    const kinds = Object.entries(KINDS);
    while (!this.#stopping) {
      const turn = this.#turn++;
      const [kind, act] = kinds[turn % kinds.length];
      using client = await RawClient.connect(this.#port);
      if (!await act(client, turn).catch(() => false)) this.#failed++;
      this.#done.set(kind, (this.#done.get(kind) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Does one thing; tells whether the gateway did what it should. */
type Act = (client: RawClient, turn: number) => Promise<boolean>;

const get = (path: string, ...fields: string[]) =>
  `GET ${path} HTTP/1.1\r\n${HOST}${fields.map((field) => `${field}\r\n`).join("")}\r\n`;

const KINDS: Readonly<Record<string, Act>> = {
  "page after page": async (client, turn) => {
    for (let i = 0; i < 5; i++) {
      await client.send(get(`/small/${(turn * 7 + i) % 200}.txt`));
      if ((await client.answer())?.status !== 200) return false;
    }
    return true;
  },
  "pipelined": async (client) => {
    await client.send(get("/hot.txt").repeat(4) + get("/app/"));
    for (let i = 0; i < 5; i++) if ((await client.answer())?.status !== 200) return false;
    return true;
  },
  "missing file": async (client, turn) => {
    await client.send(get(`/missing/${turn}/${"x".repeat(turn % 500)}`));
    return (await client.answer())?.status === 404;
  },
  "part of a large file": async (client, turn) => {
    await client.send(get("/large.bin", `range: bytes=${turn % 1000}-${(turn % 1000) + 50_000}`));
    return (await client.answer())?.status === 206;
  },
  "download given up": async (client) => {
    await client.send(get("/large.bin") + get("/app/big"));
    const buffer = new Uint8Array(65_536);
    return await client.conn.read(buffer) !== null;
  },
  "upload": async (client) => {
    const body = "x".repeat(262_144);
    await client.send(`POST /app/upload HTTP/1.1\r\n${HOST}content-length: 262144\r\n\r\n${body}`);
    return (await client.answer())?.status === 200;
  },
  "upload in chunks": async (client) => {
    const chunk = `4000\r\n${"y".repeat(0x4000)}\r\n`;
    await client.send(
      `POST /app/upload HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\n` +
        `${chunk.repeat(8)}0\r\n\r\n`,
    );
    return (await client.answer())?.status === 200;
  },
  "upload given up": async (client) => {
    await client.send(`POST /app/upload HTTP/1.1\r\n${HOST}content-length: 1000000\r\n\r\nx`);
    return true;
  },
  "nonsense": async (client, turn) => {
    const bytes = Array.from(
      { length: 300 },
      (_, i) => String.fromCharCode((turn * 31 + i * 17) % 256),
    );
    await client.send(`${bytes.join("")}\r\n\r\n`);
    return (await client.answer())?.status === 400;
  },
  "half a head": async (client) => {
    await client.send("GET /hot.txt HTTP/1.1\r\nhost: 127.");
    return true;
  },
  "another address each time": async (client, turn) => {
    const address = `10.${turn >> 16 & 255}.${turn >> 8 & 255}.${turn & 255}`;
    await client.send(get("/limited/", `x-forwarded-for: ${address}`));
    const status = (await client.answer())?.status ?? 0;
    // Once the table is full, new addresses are refused until old ones have gone.
    return status === 200 || status === 429 || status === 503;
  },
  "one address too often": async (client) => {
    await client.send(get("/limited/", "x-forwarded-for: 192.0.2.1"));
    const status = (await client.answer())?.status ?? 0;
    return status === 200 || status === 429 || status === 503;
  },
};
