/**
 * A directory of files and a site over it, for the tests of this folder.
 *
 * @module
 */
import { type Body, readAll } from "../../../http/body.ts";
import { Fields } from "../../../http/fields.ts";
import { Exchange } from "../../../gateway/exchange/exchange.ts";
import type { Logger } from "../../../gateway/reports/log.ts";
import { Memory } from "../files/memory.ts";
import { type PageConfig, pageSchema } from "../schema.ts";
import { Site } from "../site.ts";
import { DEFAULT_MEMORY } from "../defaults.ts";
import { newDirectory, putDirectory, putFile } from "../../../config/testing/files.ts";
import { until } from "../../../net/testing/until.ts";

const realNow = Date.now;

/** A root with files, a site that serves it, and the levers that time and the watch have on it. */
export class TestSite {
  readonly clock = { now: 1000 };
  readonly watch = { changes: 0 };
  readonly memory = new Memory();
  readonly errors: string[] = [];
  readonly site: Site;

  private constructor(readonly root: string, web: PageConfig, precompressed: boolean) {
    this.memory.use(DEFAULT_MEMORY, 1);
    const log: Logger = {
      logsAccess: false,
      enabled: () => true,
      log: (_level, _target, message) => void this.errors.push(message),
      access() {},
    };
    const { clock, watch, memory } = this;
    this.site = new Site(web, { clock, watch, memory, log }, precompressed);
  }

  /** Makes a root with `files`, by path below it; a path that ends with `/` is a directory. */
  static with(
    files: Readonly<Record<string, string | Uint8Array>>,
    keys: Omit<Parameters<typeof pageSchema.parse>[0] & object, "root"> = {},
    precompressed = false,
  ): Promise<TestSite> {
    const root = newDirectory();
    const web = pageSchema.parse({ cache_control: "public, max-age=60", ...keys, root });
    const made = new TestSite(root, web, precompressed);
    for (const [path, content] of Object.entries(files)) made.write(path, content);
    return Promise.resolve(made);
  }

  /** Writes a file, last changed a while ago. */
  write(path: string, content: string | Uint8Array): void {
    const full = `${this.root}/${path}`;
    if (path.endsWith("/")) return putDirectory(full.slice(0, -1));
    putFile(full, content);
    const time = Math.floor(realNow() / 1000) - 3600;
    Deno.utimeSync(full, time, time);
  }

  /**
   * Lets what was written so far count as having been left alone for a while. Change times cannot be set,
   * so it is the time of day that moves; but first the kernel's clock for them has to move on from what
   * was written, which a file of its own shows.
   */
  async settle(): Promise<void> {
    const before = this.#changeTime();
    await until("the kernel's clock moves on", () => this.#changeTime() > before);
    Date.now = () => realNow() + 5000;
  }

  /** When a file that is written now was last changed, by the clock of the kernel for files. */
  #changeTime(): number {
    const path = Deno.makeTempFileSync();
    const { ctime } = Deno.statSync(path);
    Deno.removeSync(path);
    return Number(ctime);
  }

  /** Asks the site; the exchange is left open. */
  async ask(path: string, request: Request = {}): Promise<Exchange> {
    const exchange = exchangeFor(path, request);
    await this.site.serve(exchange);
    return exchange;
  }

  /** Asks the site and reads the answer to its end. */
  async get(path: string, request: Request = {}): Promise<Answer> {
    const exchange = await this.ask(path, request);
    const body = exchange.responseBody && await textOf(exchange.responseBody);
    exchange.releaseAll();
    return { status: exchange.status, fields: exchange.response, body };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Date.now = realNow;
    this.site.close();
    await Deno.remove(this.root, { recursive: true });
  }
}

/** The parts of a request that matter here. */
export interface Request {
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Path as requested, where it differs from the one that is served. */
  readonly requested?: string;
}

/** An answer that was read. */
export interface Answer {
  /** 0 when the site passed. */
  readonly status: number;
  readonly fields: Fields;
  readonly body: string | undefined;
}

/** An exchange that is about to be served. */
export function exchangeFor(path: string, request: Request = {}): Exchange {
  const exchange = new Exchange({
    peerAddress: "127.0.0.1",
    peerPort: 1,
    peerIsDirect: true,
    localAddress: "127.0.0.1",
    localPort: 2,
    listener: "127.0.0.1:2",
    tls: undefined,
  });
  exchange.method = request.method ?? "GET";
  exchange.target = exchange.path = request.requested ?? path;
  exchange.servedPath = path;
  exchange.request = Fields.of(...Object.entries(request.fields ?? {}));
  return exchange;
}

/** All of a body. */
export async function textOf(body: Uint8Array | Body): Promise<string> {
  const bytes = body instanceof Uint8Array ? body : await readAll(body, 256 * 1024 * 1024);
  return new TextDecoder().decode(bytes);
}

/** File descriptors this process has open below `root`. */
export function openBelow(root: string): number {
  let open = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(root)) open++;
    } catch {
      // The descriptor that lists the directory itself.
    }
  }
  return open;
}
