import assert from "node:assert/strict";
import { newDirectory } from "../../config/testing/files.ts";
import { bindSocket, claimPath, SocketInUse } from "./socket_file.ts";
import { draftOf, SocketIdentity } from "./socket_identity.ts";

const SETTINGS = { mode: 0o600, owner: undefined, group: undefined };

async function inDirectory(run: (path: string) => Promise<void>): Promise<void> {
  const directory = newDirectory();
  try {
    await run(`${directory}/app.sock`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function modeOf(path: string): number {
  return (Deno.lstatSync(path).mode ?? 0) & 0o7777;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a socket has its mode, and nothing is left of how it was made", () =>
  inDirectory(async (path) => {
    const { listener, remove } = await bindSocket({ path, ...SETTINGS }, new SocketIdentity());
    assert.equal(modeOf(path), 0o600);
    assert.equal(exists(draftOf(path).directory), false);
    remove();
    assert.equal(exists(path), false);
    listener.close();
  }));

Deno.test("what a process has left that was killed while it bound is used again", () =>
  inDirectory(async (path) => {
    const draft = draftOf(path);
    Deno.mkdirSync(draft.directory, { mode: 0o700 });
    const left = Deno.listen({ transport: "unix", path: draft.socket });
    const { listener } = await bindSocket({ path, ...SETTINGS }, new SocketIdentity());
    left.close();
    assert.equal(exists(draft.directory), false);
    (await Deno.connect({ transport: "unix", path })).close();
    listener.close();
  }));

Deno.test("a socket that is served is taken by its own process alone", () =>
  inDirectory(async (path) => {
    const own = new SocketIdentity();
    const first = await bindSocket({ path, ...SETTINGS }, own);
    await assert.rejects(bindSocket({ path, ...SETTINGS }, new SocketIdentity()), SocketInUse);
    const second = await bindSocket({ path, ...SETTINGS }, own);
    first.remove();
    assert.equal(exists(path), true, "the file is that of the second one");
    first.listener.close();
    (await Deno.connect({ transport: "unix", path })).close();
    second.remove();
    assert.equal(exists(path), false);
    second.listener.close();
  }));

Deno.test("a socket without a listener may be taken, another file may not", () =>
  inDirectory(async (path) => {
    const nobody = new SocketIdentity();
    await claimPath(path, nobody);
    const { listener } = await bindSocket({ path, ...SETTINGS }, new SocketIdentity());
    listener.close();
    await claimPath(path, nobody);
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, "");
    await assert.rejects(claimPath(path, nobody), /not a socket/);
  }));
