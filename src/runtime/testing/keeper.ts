/**
 * Keepers with the probe build on a port of the system's choice, and what tests do with them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { deepFreeze } from "../../config/frozen.ts";
import { loggingSchema } from "../../config/schema/logging_schema.ts";
import { serverSchema } from "../../config/schema/server_schema.ts";
import type { Config } from "../../config/types.ts";
import { vhostShape } from "../../config/schema/vhost_schema.ts";
import { until as waitUntil } from "../../net/testing/until.ts";
import { Keeper } from "../keeper.ts";
import type { Pace } from "../pace.ts";
import type { ProbeTable } from "./probe_module.ts";
import { probeProfile } from "./probe_profile.ts";

/** What a test configuration may set. */
export interface TestConfig {
  readonly process?: Record<string, unknown>;
  readonly maxConnections?: number;
  readonly listen?: readonly string[];
  readonly tlsListen?: readonly string[];
  readonly logFile?: string;
  readonly level?: string;
  readonly probe?: ProbeTable;
  /** Threads count. */
  readonly metrics?: boolean;
  /** Not configured: of the keeper. */
  readonly pace?: Pace;
}

const vhostSchema = z.strictObject(vhostShape);

/** A configuration with one vhost that the probe module serves. */
export function testConfig(
  {
    process,
    maxConnections = 1000,
    listen = ["127.0.0.1:0"],
    tlsListen = [],
    logFile,
    level = "off",
    probe,
    metrics = false,
  }: TestConfig,
): Config {
  const file = logFile === undefined ? {} : { file: { enabled: true, path: logFile } };
  return deepFreeze({
    server: serverSchema.parse({
      listen: [...listen],
      tls_listen: [...tlsListen],
      limits: { max_connections: maxConnections },
      process: { pid_file: "/nonexistent/fluxheim.pid", threads: 2, ...process },
    }),
    logging: loggingSchema.parse({ level, ...file }),
    ...(metrics
      ? {
        metrics: {
          enabled: true,
          listen: "127.0.0.1:0",
          require_loopback: true,
          route_histograms: false,
        },
      }
      : {}),
    vhosts: [{
      ...vhostSchema.parse({ name: "test", hosts: ["test.local"] }),
      routes: [],
      probe: { ...probe },
    }],
  });
}

/** A running gateway under test. */
export interface TestGateway extends AsyncDisposable {
  readonly keeper: Keeper;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** What the next reload loads. */
  configure(config: TestConfig): void;
}

/** Starts a gateway; disposing of it ends it at once. */
export async function startGateway(config: TestConfig = {}): Promise<TestGateway> {
  let current = config;
  const keeper = await Keeper.start({
    profile: probeProfile,
    load: () => Promise.resolve({ config: testConfig(current), problems: [] }),
    configSource: undefined,
    pace: config.pace,
  });
  return {
    keeper,
    address: keeper.listeners[0].name,
    configure: (next) => current = next,
    [Symbol.asyncDispose]: () => keeper.abort("test"),
  };
}

/** A connection to a gateway that speaks just enough HTTP/1.1 to be held open. */
export class TestClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  #received = "";

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async connect(address: string): Promise<TestClient> {
    const [hostname, port] = address.split(":");
    return new TestClient(await Deno.connect({ hostname, port: Number(port) }));
  }

  async send(path: string): Promise<void> {
    const request = `GET ${path} HTTP/1.1\r\nhost: test.local\r\n\r\n`;
    await this.#connection.write(new TextEncoder().encode(request));
  }

  /** The next answer, which must have a content-length. */
  async receive(): Promise<{ head: string; body: string }> {
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      const length = /\r\ncontent-length: (\d+)/i.exec(this.#received.slice(0, end + 2))?.[1];
      const total = end + 4 + Number(length);
      if (end >= 0 && this.#received.length >= total) {
        const head = this.#received.slice(0, end);
        const body = this.#received.slice(end + 4, total);
        this.#received = this.#received.slice(total);
        return { head, body };
      }
      assert.ok(await this.#read(), "the gateway closed the connection before its answer");
    }
  }

  async get(path: string): Promise<string> {
    await this.send(path);
    return (await this.receive()).body;
  }

  /** Whether the gateway closes the connection without another byte. */
  async closed(): Promise<boolean> {
    return this.#received === "" && !await this.#read();
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(4096);
    try {
      const count = await this.#connection.read(buffer);
      if (count === null) return false;
      this.#received += new TextDecoder().decode(buffer.subarray(0, count));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return false;
      throw error;
    }
  }
}

/** One request on a connection of its own. */
export async function get(address: string, path: string): Promise<string> {
  using client = await TestClient.connect(address);
  return await client.get(path);
}

/** Waits for a condition, for as long as it takes. */
export function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  return waitUntil(String(condition), condition);
}
