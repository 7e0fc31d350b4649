/** The disk tier of the cache, over restarts and against files that were tampered with. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { until } from "../../src/net/testing/until.ts";
import { Caching, image } from "../testing/caching.ts";
import { TempDir } from "../testing/peer.ts";

function lines(root: string, more = ""): string {
  return `[vhosts.cache.disk]\nenabled = true\npath = "${root}"\n${more}`;
}

/** Objects below `root`. */
function objects(root: string): string[] {
  const found: string[] = [];
  const look = (directory: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      if (isDirectory) look(`${directory}/${name}`);
      else if (name.endsWith(".fhc")) found.push(`${directory}/${name}`);
    }
  };
  look(root);
  return found;
}

async function stored(root: string, count: number): Promise<string[]> {
  await until(`${count} objects lie on disk`, () => objects(root).length === count);
  return objects(root);
}

/** Each start has another port, and the port is a part of the key. */
const HOST = { host: "h" };
async function command(...args: string[]): Promise<string> {
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const ran = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", "-q", main, ...args] })
    .output();
  assert.equal(ran.code, 0, new TextDecoder().decode(ran.stderr));
  return new TextDecoder().decode(ran.stdout);
}

async function exits(...args: string[]): Promise<number> {
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  return (await new Deno.Command(Deno.execPath(), { args: ["run", "-A", "-q", main, ...args] })
    .output()).code;
}

const BODY = "0123456789".repeat(20_000);

Deno.test("vector 21: what lies on disk is served after a restart, with its variants", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  const respond = (
    { headers }: { headers: { "accept-language"?: string } },
    response: Parameters<typeof image>[0],
  ) =>
    image(response, headers["accept-language"] + BODY, {
      vary: "Accept-Language",
      etag: '"1"',
      // The command line is asked many times before it is looked for again.
      "cache-control": "max-age=36000",
    });
  {
    await using caching = await Caching.start(respond, lines(root));
    for (const language of ["de", "en"]) {
      assert.equal(
        (await caching.get("/a.png", { "accept-language": language, ...HOST })).cache,
        "MISS",
      );
    }
    const [path] = await stored(root, 2);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    assert.equal(Deno.statSync(root).mode! & 0o777, 0o750 & ~Deno.umask());
    const looked = await command(
      ...["cache-lookup", "--config", caching.gateway.configPath, "--host", "h"],
      ...["--path", "/a.png", "--header", "Accept-Language: de", "--expect-objects", "1"],
    );
    for (
      const [option, value, found] of [
        ["--expect-freshness-state", "fresh", true],
        ["--expect-freshness-state", "expired", false],
        ["--expect-status", "200", true],
        ["--expect-header", "Content-Type: image/png", true],
        ["--expect-header", "Content-Type: text/css", false],
        ["--expect-header-name", "etag", true],
        ["--expect-cache-tag", "t1", false],
        ["--expect-body-bytes", String(BODY.length + 2), true],
      ] as const
    ) {
      const args = ["cache-lookup", "--config", caching.gateway.configPath, "--host", "h"];
      args.push("--path", "/a.png", "--header", "Accept-Language: de", option, value);
      assert.equal(await exits(...args), found ? 0 : 1, `${option} ${value}`);
    }
    assert.match(looked, /objects: 1\n {2}tier: disk\n.*\n {2}status: 200\n {2}fresh: true\n/);
  }
  await using caching = await Caching.start(respond, lines(root));
  await until("the scan has ended", () => caching.gateway.process.output.includes("2 objects"));
  for (const language of ["en", "de"]) {
    const got = await caching.get("/a.png", { "accept-language": language, ...HOST });
    assert.equal(got.cache, "HIT");
    assert.equal(got.body, language + BODY);
  }
  const part = await caching.get("/a.png", {
    "accept-language": "de",
    ...HOST,
    range: "bytes=0-3",
  });
  assert.equal(part.body, "de01");
  assert.equal(caching.asked, 0);
  await caching.get("/a.png", { "accept-language": "fr", ...HOST });
  assert.equal(caching.asked, 1);
});

Deno.test("vector 22: a file that was swapped, cut or changed is a miss, and nothing else is touched", async () => {
  for (const harm of ["link", "cut", "flip", "other"]) {
    await using dir = new TempDir();
    const root = `${dir.path}/cache`;
    const target = dir.write("target", "precious");
    let path = "";
    {
      await using caching = await Caching.start(
        (_, response) => image(response, BODY),
        lines(root),
      );
      await caching.get("/a.png", HOST);
      [path] = await stored(root, 1);
    }
    await using caching = await Caching.start((_, response) => image(response, BODY), lines(root));
    await until("the scan has ended", () => caching.gateway.process.output.includes("1 objects"));
    const bytes = Deno.readFileSync(path);
    Deno.removeSync(path);
    if (harm === "link") Deno.symlinkSync(target, path);
    else if (harm === "cut") Deno.writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    else if (harm === "flip") {
      bytes[bytes.length - 1] ^= 1;
      Deno.writeFileSync(path, bytes);
    } else Deno.writeFileSync(path, new TextEncoder().encode("something else"));
    const got = await caching.get("/a.png", HOST);
    // Of a body that is wrong at its very end the client sees the end missing, or the fetch that took its place.
    assert.equal(got.cache, "MISS", harm);
    assert.ok(got.body === BODY, harm);
    assert.equal(caching.asked, 1);
    assert.equal(Deno.readTextFileSync(target), "precious");
  }
});

Deno.test("a write that succeeds removes what lies on disk as well", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  await using caching = await Caching.start((request, response) => {
    if (request.method === "GET") return image(response, BODY);
    response.writeHead(204);
    response.end();
  }, lines(root));
  await caching.get("/a.png", HOST);
  await stored(root, 1);
  await caching.get("/a.png", HOST, "POST");
  await stored(root, 0);
  assert.equal((await caching.get("/a.png", HOST)).cache, "MISS");
});

Deno.test("the files stay within their budget", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  await using caching = await Caching.start(
    (_, response) => image(response, BODY),
    lines(root, 'max_size_bytes = "1 MiB"\n'),
  );
  for (let i = 0; i < 12; i++) await caching.get(`/${i}.png`);
  await until("the last one lies there", () => objects(root).length === 5);
  const bytes = objects(root).reduce((sum, path) => sum + Deno.statSync(path).size, 0);
  assert.ok(bytes <= 1024 * 1024);
});

Deno.test("vector 20: a process that is killed in the middle leaves nothing that is served in part", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  for (let round = 0; round < 3; round++) {
    const caching = await Caching.start((_, response) => image(response, BODY), lines(root));
    const asked = Array.from(
      { length: 20 },
      (_, i) => caching.get(`/${round}-${i}.png`, HOST).catch(() => undefined),
    );
    await until("something lies there", () => objects(root).length > round * 2);
    caching.gateway.process.signal("SIGKILL");
    await Promise.all(asked);
    await caching[Symbol.asyncDispose]().catch(() => {});
  }
  await using caching = await Caching.start((_, response) => image(response, BODY), lines(root));
  await until(
    "the scan has ended",
    () => caching.gateway.process.output.includes("cache disk scan"),
  );
  let hits = 0;
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 20; i++) {
      const got = await caching.get(`/${round}-${i}.png`, HOST);
      assert.ok(got.body === BODY);
      if (got.cache === "HIT") hits++;
    }
  }
  assert.ok(hits > 0);
});
