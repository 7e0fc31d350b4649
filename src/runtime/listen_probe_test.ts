import assert from "node:assert/strict";
import { loadText } from "../config/load.ts";
import type { Config } from "../config/types.ts";
import { unixSockets } from "../net/listen/unix.ts";
import { probeListeners } from "./listen_probe.ts";
import { ownListeners } from "./listeners.ts";

/** The defaults, with these listeners; that TLS is off is no matter of the probe. */
function withListeners(listen: readonly string[], tls_listen: readonly string[] = []): Config {
  const { config } = loadText("", []);
  assert.ok(config !== undefined);
  return { ...config, server: { ...config.server, listen, tls_listen } };
}

function probe(config: Config) {
  return probeListeners(config, ownListeners(config), unixSockets);
}

/** Keys of the listeners that cannot be bound. */
async function refused(config: Config): Promise<string[]> {
  return ((await probe(config)).problems ?? []).map(({ key }) => key);
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

Deno.test("a listener that is there twice cannot be bound, in whichever list it stands", async () => {
  const entry = `127.0.0.1:${freePort()}`;
  assert.deepEqual(await refused(withListeners([entry])), []);
  assert.deepEqual(await refused(withListeners([entry, entry])), ["server.listen[1]"]);
  assert.deepEqual(await refused(withListeners([entry], [entry])), ["server.tls_listen[0]"]);
});

Deno.test("a listener that another one covers cannot be bound", async () => {
  const port = freePort();
  const config = withListeners([`0.0.0.0:${port}`, `127.0.0.1:${port}`]);
  assert.deepEqual(await refused(config), ["server.listen[1]"]);
});

Deno.test("all addresses of both families may be listened on together", async () => {
  const port = freePort();
  assert.deepEqual(await refused(withListeners([`0.0.0.0:${port}`, `[::]:${port}`])), []);
});

Deno.test("each entry with port 0 gets a port of its own", async () => {
  const result = await probe(withListeners(["127.0.0.1:0", "127.0.0.1:0"], ["127.0.0.1:0"]));
  assert.ok(result.problems === undefined);
  const { server } = result.config;
  const bound = [...server.listen, ...server.tls_listen];
  assert.equal(new Set(bound).size, 3);
  assert.ok(bound.every((entry) => /^127\.0\.0\.1:[1-9]\d*$/.test(entry)));
});

Deno.test("a port of another program is reported with the others that are wrong", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const entry = `127.0.0.1:${taken.addr.port}`;
  assert.deepEqual(await refused(withListeners([entry, "192.0.2.1:80"])), [
    "server.listen[0]",
    "server.listen[1]",
  ]);
});
