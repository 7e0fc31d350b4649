/** Upstreams and disks that fail while the cache works with them. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { until } from "../../src/net/testing/until.ts";
import { Caching, image } from "../testing/caching.ts";
import { freePort, TempDir } from "../testing/peer.ts";

const HOST = { host: "h" };
const BODY = "0123456789".repeat(20_000);

function disk(root: string, more = ""): string {
  return `[vhosts.cache.disk]\nenabled = true\npath = "${root}"\n${more}`;
}

function objects(root: string): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync(root)) {
    if (!/^[0-9a-f]{2}$/.test(name)) continue;
    for (const file of Deno.readDirSync(`${root}/${name}`)) {
      found.push(`${root}/${name}/${file.name}`);
    }
  }
  return found;
}

const HEAD = { "content-type": "image/png", "cache-control": "max-age=60" };

/** Ways in which an answer ends before it is whole. */
const BROKEN: Record<string, (response: ServerResponse) => void> = {
  "a chunked body without its last chunk": (response) => {
    response.writeHead(200, HEAD);
    response.write("half");
    setImmediate(() => response.socket?.end());
  },
  "a body that only its connection ends": (response) => {
    const socket = response.socket!;
    socket.write(
      "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncache-control: max-age=60\r\n\r\nhalf",
    );
    socket.end();
  },
  "a body shorter than its length": (response) => {
    response.writeHead(200, { ...HEAD, "content-length": "100" });
    response.write("half");
    setImmediate(() => response.socket?.destroy());
  },
  "a reset": (response) => {
    response.writeHead(200, { ...HEAD, "content-length": "100" });
    response.write("half", () => response.socket?.resetAndDestroy());
  },
};

Deno.test("A3: what is not proved to be whole is not stored, however it ends, and an older copy stays", async () => {
  let broken: string | undefined;
  await using caching = await Caching.start((_, response) => {
    if (broken !== undefined) return BROKEN[broken](response);
    image(response, "whole", { "cache-control": "max-age=1" });
  }, "stale_if_error_secs = 300");
  for (const [i, way] of Object.keys(BROKEN).entries()) {
    broken = way;
    for (let round = 0; round < 2; round++) {
      const got = await caching.get(`/${i}.png`).catch(() => undefined);
      assert.notEqual(got?.cache, "HIT", way);
    }
    assert.equal(caching.asked, 2 * (i + 1), way);
  }
  broken = undefined;
  await caching.get("/good.png");
  broken = "a reset";
  await until("it has expired", async () => {
    const got = await caching.get("/good.png").catch(() => undefined);
    return got?.cache !== "HIT";
  });
  broken = undefined;
  assert.equal((await caching.get("/good.png")).body, "whole");
});

Deno.test("a body of more bytes than its length says harms no other answer", async () => {
  await using caching = await Caching.start(({ url }, response) => {
    if (url !== "/a.png") return image(response, "other");
    response.socket!.write(
      "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncache-control: max-age=60\r\ncontent-length: 4\r\n\r\n" +
        "fourHTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 6\r\n\r\npoison",
    );
  });
  assert.equal((await caching.get("/a.png")).body, "four");
  for (let i = 0; i < 3; i++) {
    assert.equal((await caching.get("/b.png")).body, "other");
    assert.equal((await caching.get("/a.png")).body, "four");
  }
});

/** Whether a file system of a few MiB can be mounted here. */
function canMount(): boolean {
  return Deno.uid() === 0 && Deno.build.os === "linux" &&
    new Deno.Command("unshare", { args: ["-m", "true"], stderr: "null" }).outputSync().success;
}

Deno.test({
  name: "a disk that is full costs answers nothing, and is used again when there is room",
  ignore: !canMount(),
  async fn() {
    await using dir = new TempDir();
    const small = `${dir.path}/small`;
    Deno.mkdirSync(small);
    const mounted = new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", small],
    }).outputSync();
    assert.ok(mounted.success);
    try {
      const root = `${small}/cache`;
      await using caching = await Caching.start(
        (_, response) => image(response, BODY),
        disk(root, 'max_size_bytes = "1 GiB"'),
      );
      for (let i = 0; i < 20; i++) assert.ok((await caching.get(`/${i}.png`, HOST)).body === BODY);
      await until(
        "it is logged",
        () => caching.gateway.process.output.includes("is not stored on disk"),
      );
      assert.equal(caching.gateway.process.output.split("is not stored on disk").length, 2);
      await until(
        "no draft is left",
        () => objects(root).every((path) => path.endsWith(".fhc")),
      );
      for (const path of objects(root)) Deno.removeSync(path);
      await until("something is stored again", async () => {
        await caching.get(`/x${Math.random()}.png`, HOST);
        return objects(root).length > 0;
      });
    } finally {
      new Deno.Command("umount", { args: ["-l", small] }).outputSync();
    }
  },
});

Deno.test("a root that vanishes is not made anew, and answers go on", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  await using caching = await Caching.start((_, response) => image(response, BODY), disk(root));
  await caching.get("/a.png", HOST);
  await until("it is stored", () => objects(root).length === 1);
  Deno.removeSync(root, { recursive: true });
  for (const path of ["/a.png", "/b.png"]) assert.ok((await caching.get(path, HOST)).body === BODY);
  await until(
    "it is logged",
    () => caching.gateway.process.output.includes("is not stored on disk"),
  );
  assert.throws(() => Deno.statSync(root));
});

Deno.test("A28: reloads with another plan leave one owner of the root, and long downloads go on", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  await using caching = await Caching.start((_, response) => image(response, BODY), disk(root));
  await caching.get("/a.png", HOST);
  // What is being written when its owner goes is not stored.
  const complete = () => objects(root).filter((name) => name.endsWith(".fhc")).length;
  await until("it is stored", () => complete() === 1);
  using slow = await caching.raw();
  await slow.send("GET /a.png HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const path = caching.gateway.configPath;
  const config = Deno.readTextFileSync(path);
  for (let i = 1; i <= 3; i++) {
    Deno.writeTextFileSync(
      path,
      config.replace('max_object_bytes = "1 MiB"', `max_object_bytes = "${i + 1} MiB"`),
    );
    caching.gateway.process.signal("SIGHUP");
    await until(
      "the reload is over",
      () => caching.gateway.process.output.split("cache disk scan").length === i + 2,
    );
    for (const name of ["/a.png", `/${i}.png`]) {
      assert.ok((await caching.get(name, HOST)).body === BODY);
    }
    await until("both are stored", () => complete() === i + 1);
  }
  assert.match(await slow.rest(), /9$/);
  await until("all are stored, and nothing else is left", () => {
    const names = objects(root);
    return names.length === 4 && names.every((name) => name.endsWith(".fhc"));
  });
});

Deno.test("expired objects are removed from disk by the purger", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  const port = freePort();
  await using caching = await Caching.start(
    ({ url }, response) =>
      image(response, BODY, { "cache-control": `max-age=${url === "/old.png" ? 1 : 600}` }),
    disk(root),
    {
      root: "[cache_purger]\nenabled = true\ninterval_secs = 1\n" +
        `[metrics]\nenabled = true\nlisten = "127.0.0.1:${port}"\n`,
    },
  );
  for (const path of ["/old.png", "/new.png"]) await caching.get(path, HOST);
  await until("both are stored", () => objects(root).length === 2);
  await until("one is removed", () => objects(root).length === 1);
  await until(
    "it is logged",
    () => caching.gateway.process.output.includes("cache purger: purged"),
  );
  assert.equal((await caching.get("/new.png", HOST)).cache, "HIT");
  await caching.gateway.process.listening(port);
  const counted = async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const of = (series: string) =>
      text.split("\n").find((line) => line.startsWith(`${series} `))?.split(" ").at(-1);
    const prefix = "fluxheim_cache_purger_";
    return {
      runs: of(`${prefix}runs_total{outcome="purged"}`),
      stale: of(`${prefix}entries_total{result="stale"}`),
      purged: of(`${prefix}entries_total{result="purged"}`),
      scanned: Number(of(`${prefix}entries_total{result="scanned"}`)),
      durations: of(`${prefix}duration_seconds_count{outcome="purged"}`),
      other: text.includes(`${prefix}entries_total{result="other"}`),
    };
  };
  await until("the run is counted", async () => (await counted()).runs !== undefined);
  const { scanned, ...rest } = await counted();
  assert.ok(scanned >= 2, String(scanned));
  assert.deepEqual(rest, { runs: "1", stale: "1", purged: "1", durations: "1", other: false });
});

Deno.test("A25: what was compressed on delivery has Vary everywhere, and is not resumed with other bytes", async () => {
  const script = "let a = 1; ".repeat(2000);
  await using caching = await Caching.start(
    (_, response) =>
      image(response, script, {
        "content-type": "text/javascript",
        "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT",
        etag: '"1"',
      }),
    "",
    { root: "[compression]\nenabled = true\n" },
  );
  await caching.get("/a.js");
  for (const coding of ["identity", "gzip"]) {
    const got = await caching.get("/a.js", { "accept-encoding": coding });
    assert.equal(got.cache, "HIT");
    assert.match(got.headers.get("vary") ?? "", /accept-encoding/i, coding);
  }
  const known = await caching.get("/a.js", { "accept-encoding": "gzip", "if-none-match": '"1"' });
  assert.equal(known.status, 304);
  assert.match(known.headers.get("vary") ?? "", /accept-encoding/i);
  const resumed = await caching.get("/a.js", {
    "accept-encoding": "gzip",
    range: "bytes=100-",
    "if-range": "Tue, 14 Nov 2023 22:13:20 GMT",
  });
  assert.equal(resumed.status, 200);
});
