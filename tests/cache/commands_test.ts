/** The commands of the cache on the command line, with a gateway that runs. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Caching, image } from "../testing/caching.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

async function command(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const ran = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", "-q", MAIN, ...args] })
    .output();
  const text = new TextDecoder();
  return { code: ran.code, out: text.decode(ran.stdout), err: text.decode(ran.stderr) };
}

Deno.test("cache-warm stores what it asks for, and cache-key shows under which key", async () => {
  await using caching = await Caching.start((_, response) => image(response));
  const config = ["--config", caching.gateway.configPath];
  const warm = (...args: string[]) =>
    command("cache-warm", ...config, "--host", "h", "--path", "/a.png", ...args);
  const dry = await warm("--dry-run");
  assert.equal(dry.out, "would warm: host=h path=/a.png\n");
  assert.equal(caching.asked, 0);
  const first = await warm("--repeat", "2", "--expect-cache-status-sequence", "MISS,HIT");
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, /cache warm completed: warmed=2 failed=0/);
  const second = await warm("--expect-cache-status", "MISS");
  assert.equal(second.code, 1);
  assert.match(second.err, /reason=unexpected_cache_status/);

  const shown = (path: string, ...args: string[]) =>
    command("cache-key", ...config, "--host", "h", "--path", path, ...args);
  const key = await shown("/a.png?v=1", "--expect-eligible");
  assert.equal(key.code, 0, key.err);
  assert.ok(
    key.out.includes(
      "primary_key: fluxheim-image-v1;scheme:4:http;port:2:80;method:3:GET;host:1:h;path:6:/a.png;query:3:v=1;",
    ),
    key.out,
  );
  assert.match(key.out, /combined_hash: [0-9a-f]{64}\nuser_tag: a\n/);
  const no = await shown("/a.html", "--expect-eligible");
  assert.equal(no.code, 1);
  assert.match(no.err, /path or query is not admitted by selected image cache policy/);
  const none = await command(
    "cache-lookup",
    ...config,
    "--host",
    "h",
    "--path",
    "/a.png",
    "--require-object",
  );
  assert.equal(none.code, 1);
});
