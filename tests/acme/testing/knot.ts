/** A real name server: knot, with a zone that a key may change. @module */
import { find, freePort, Process, TempDir } from "../../testing/peer.ts";

/** TSIG key of the zone, base64. */
export const KNOT_KEY = btoa("0123456789abcdef0123456789abcdef");

/** The server of `shop.test`. */
export class Knot implements AsyncDisposable {
  private constructor(
    readonly port: number,
    readonly process: Process,
    readonly dir: TempDir,
  ) {}

  /** @param records Of the zone beside those that it must have. */
  static async start(records = ""): Promise<Knot> {
    await using made = new AsyncDisposableStack();
    const dir = made.use(new TempDir());
    const port = freePort();
    // Its journal.
    dir.write("db/here", "");
    dir.write(
      "shop.test.zone",
      `$ORIGIN shop.test.\n$TTL 1\n@ SOA ns.shop.test. admin.shop.test. 1 60 60 60 1\n` +
        `@ NS ns\nns A 127.0.0.1\n${records}\n`,
    );
    const config = dir.write(
      "knot.conf",
      `
server:
    listen: 127.0.0.1@${port}
    rundir: "${dir.path}"
log:
  - target: stderr
    any: info
database:
    storage: "${dir.path}/db"
key:
  - id: update.key
    algorithm: hmac-sha256
    secret: ${KNOT_KEY}
acl:
  - id: update
    key: update.key
    action: update
zone:
  - domain: shop.test
    storage: "${dir.path}"
    file: shop.test.zone
    zonefile-sync: -1
    journal-content: changes
    acl: update
`,
    );
    const process = made.use(new Process(find("knotd")!, ["-c", config]));
    await process.listening(port);
    made.move();
    return new Knot(port, process, dir);
  }

  /** Values of the TXT records of `name`. */
  async texts(name: string): Promise<string[]> {
    try {
      const found = await Deno.resolveDns(name, "TXT", {
        nameServer: { ipAddr: "127.0.0.1", port: this.port },
      });
      return found.map((parts) => parts.join("")).sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}
