import assert from "node:assert/strict";
import { isStillOwn, listenOnSocket } from "./unix_socket.ts";

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Leaves a socket that no process accepts on, as a killed process does. */
function leaveStale(path: string): void {
  const listener = Deno.listen({ transport: "unix", path: `${path}.first` });
  Deno.renameSync(`${path}.first`, path);
  listener.close();
}

Deno.test("a stale socket is replaced", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/s`;
    leaveStale(path);
    const socket = await listenOnSocket(path);
    const [accepted, connection] = await Promise.all([
      socket.listener.accept(),
      Deno.connect({ transport: "unix", path }),
    ]);
    accepted.close();
    connection.close();
    assert.equal((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o660);
    assert.ok(isStillOwn(socket));
    socket.listener.close();
  }));

Deno.test("a socket that another process accepts on is left alone", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/s`;
    using other = Deno.listen({ transport: "unix", path });
    await assert.rejects(listenOnSocket(path), Deno.errors.AddrInUse);
    using _connection = await Deno.connect({ transport: "unix", path });
    (await other.accept()).close();
    (await other.accept()).close();
  }));

Deno.test("a file that is not a socket is left alone", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/s`;
    Deno.writeTextFileSync(path, "text");
    await assert.rejects(listenOnSocket(path), Deno.errors.AddrInUse);
    assert.equal(Deno.readTextFileSync(path), "text");
  }));

Deno.test("a socket whose name another one has taken is no longer one's own", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/s`;
    const socket = await listenOnSocket(path);
    Deno.renameSync(path, `${path}.old`);
    assert.ok(!isStillOwn(socket));
    leaveStale(path);
    assert.ok(!isStillOwn(socket));
    socket.listener.close();
  }));
