import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { get, startGateway, type TestGateway } from "../testing/keeper.ts";

/** What a worker answers when it tries to do `what`. */
function attempt({ address }: TestGateway, what: string, value: string): Promise<string> {
  return get(address, `/try?what=${what}&value=${encodeURIComponent(value)}`);
}

const REFUSED = /^refused: \w+: Requires \w+ access/;
const THIS_FILE = fileURLToPath(import.meta.url);

Deno.test("a worker may read its roots and nothing else", async () => {
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/page`, "text");
  await using gateway = await startGateway({ probe: { root } });
  assert.equal(await attempt(gateway, "read", `${root}/page`), "done: text");
  for (const path of [THIS_FILE, "/etc/passwd", `${root}/../x`, "/proc/self/environ", "."]) {
    assert.match(await attempt(gateway, "read", path), REFUSED, path);
  }
  await Deno.remove(root, { recursive: true });
});

Deno.test("a worker may dial its upstreams and nothing else", async () => {
  using upstream = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${upstream.addr.port}`;
  await using gateway = await startGateway({ probe: { upstream: address } });
  assert.equal(await attempt(gateway, "dial", address), "done: undefined");
  for (const refused of [`127.0.0.1:${other.addr.port}`, `localhost:${upstream.addr.port}`]) {
    assert.match(await attempt(gateway, "dial", refused), REFUSED, refused);
  }
});

Deno.test("a worker may bind its listeners and nothing else", async () => {
  await using gateway = await startGateway();
  assert.match(await attempt(gateway, "listen", "0"), REFUSED);
});

const NEVER: readonly (readonly [what: string, value: string])[] = [
  ["write", "/tmp/fluxheim-hostile"],
  ["run", "true"],
  ["run", Deno.execPath()],
  ["env", "HOME"],
  ["sys", "hostname"],
  ["ffi", "libc.so.6"],
  ["import", "file:///etc/passwd"],
  ["import", "https://example.com/x.js"],
];

for (const [what, value] of NEVER) {
  Deno.test(`a worker may not ${what} (${value.slice(0, 30)})`, async () => {
    await using gateway = await startGateway({ process: { threads: 1 } });
    assert.match(await attempt(gateway, what, value), REFUSED);
  });
}

Deno.test("a worker cannot start one that may do more", async () => {
  await using gateway = await startGateway({ process: { threads: 1 } });
  const entry = new URL("../testing/probe_worker.ts", import.meta.url).href;
  assert.match(await attempt(gateway, "worker", entry), /^refused: NotCapable: Can't escalate/);
});
