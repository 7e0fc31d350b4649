import assert from "node:assert/strict";
import { SYMLINKS, type Symlinks } from "./links.ts";
import type { Orders, Report } from "../testing/race_server.ts";
import type { Swaps } from "../testing/race_swap.ts";

const SECRET = "the contents of a file outside the root";
const REQUESTS = 12_000;

/** A user other than the one that makes the links. */
const ANOTHER = 12_345;

/** A worker that may read below `read`, or all that this process may. */
function startWorker(file: string, read?: string): Worker {
  return new Worker(new URL(file, import.meta.url), {
    type: "module",
    deno: { permissions: read === undefined ? "inherit" : { read: [read] } },
  });
}

/** The next message of a worker, or what made it end. */
function answerOf<Answer>(worker: Worker): Promise<Answer> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}

for (const symlinks of SYMLINKS) {
  // Only root can give files to another owner.
  const ignore = symlinks === "same-owner" && Deno.uid() !== 0;
  Deno.test(
    `race: whatever is swapped for a link while it is asked for, nothing else is served with symlinks = "${symlinks}"`,
    {
      ignore,
    },
    () => race(symlinks),
  );
}

async function race(symlinks: Symlinks): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const outside = await Deno.realPath(await Deno.makeTempDir());
  for (const directory of [`${root}/dir/sub`, `${outside}/sub`]) {
    await Deno.mkdir(directory, { recursive: true });
  }
  // Of the same size, so that only what it is can give it away.
  const open = "x".repeat(SECRET.length);
  for (const path of ["file.txt", "dir/file.txt", "dir/sub/file.txt"]) {
    await Deno.writeTextFile(`${root}/${path}`, open);
  }
  for (const path of ["file.txt", "sub/file.txt", SECRET]) {
    await Deno.writeTextFile(`${outside}/${path}`, SECRET);
  }
  if (symlinks === "same-owner") {
    for (const path of ["", "/sub", "/file.txt", "/sub/file.txt", `/${SECRET}`]) {
      await Deno.chown(outside + path, ANOTHER, null);
    }
  }
  await Deno.symlink(outside, `${root}/dir.link`);
  await Deno.symlink(`${outside}/file.txt`, `${root}/file.link`);

  const swapper = startWorker("../testing/race_swap.ts");
  const server = startWorker("../testing/race_server.ts", root);
  try {
    const state = new SharedArrayBuffer(8);
    const shared = new Int32Array(state);
    const pairs = [[`${root}/dir`, `${root}/dir.link`], [
      `${root}/file.txt`,
      `${root}/file.link`,
    ]] as const;
    const stopped = answerOf<"stopped">(swapper);
    swapper.postMessage({ pairs, state } satisfies Swaps);

    const reported = answerOf<Report>(server);
    const paths = ["/dir/file.txt", "/file.txt", "/dir/sub/file.txt", "/dir/"];
    server.postMessage(
      { root, paths, secret: SECRET, requests: REQUESTS, symlinks } satisfies Orders,
    );
    const report = await reported;

    Atomics.store(shared, 1, 1);
    await stopped;
    assert.equal(report.leaked, 0);
    // Otherwise nothing was at stake.
    assert.ok(report.served > 0, JSON.stringify(report));
    assert.ok(report.absent > 0, JSON.stringify(report));
    assert.ok(Atomics.load(shared, 0) > 1000, `${shared[0]} rounds`);
  } finally {
    swapper.terminate();
    server.terminate();
    await Deno.remove(root, { recursive: true });
    await Deno.remove(outside, { recursive: true });
  }
}
