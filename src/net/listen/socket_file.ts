/**
 * The file of a listening unix socket: made so that no moment exists in which others can connect who may
 * not, never taken from another program, and removed only while it is still ours.
 *
 * The runtime unlinks the path a socket was bound by when it is closed, whatever is there by then. So
 * a socket is bound under another name, which no longer exists when it is closed.
 *
 * @module
 */
import { draftOf, SocketIdentity, type SocketSettings } from "./socket_identity.ts";

/** How often a socket is bound again when another thread has removed it under its first name. */
const MAX_ATTEMPTS = 8;

/** A path that another program serves. */
export class SocketInUse extends Error {
  readonly code = "EADDRINUSE";

  constructor() {
    super("another program serves this socket");
    this.name = "SocketInUse";
  }
}

/**
 * Makes sure that a socket may be put at `path`: there is nothing, our own socket, or one that no program
 * serves any more.
 *
 * @throws {SocketInUse} when a program serves it, and other errors when that cannot be known or the file is
 * not a socket.
 */
export async function claimPath(path: string, own: SocketIdentity): Promise<void> {
  const info = factsOf(path);
  if (info === undefined || own.is(info)) return;
  if (info.isSocket !== true) throw new Error("there is a file that is not a socket");
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    const { ConnectionRefused, NotFound } = Deno.errors;
    if (error instanceof ConnectionRefused || error instanceof NotFound) return;
    // With a full queue, too, there is a program.
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") {
      throw new SocketInUse();
    }
    throw error;
  }
  throw new SocketInUse();
}

/** A listening socket and its file. */
export interface BoundSocket {
  readonly listener: Deno.UnixListener;
  /** Removes the file, if it is still that of this socket. */
  remove(): void;
}

/**
 * Binds a socket with the mode and the owners that `settings` ask for, and puts it at its path at once, in
 * place of what {@linkcode claimPath} lets it replace.
 */
export async function bindSocket(
  settings: SocketSettings,
  own: SocketIdentity,
): Promise<BoundSocket> {
  for (let attempt = 1;; attempt++) {
    await claimPath(settings.path, own);
    try {
      return bindOnce(settings, own);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

function bindOnce(
  { path, mode, owner, group }: SocketSettings,
  own: SocketIdentity,
): BoundSocket {
  const draft = draftOf(path);
  makePrivate(draft.directory, draft.socket);
  const listener = Deno.listen({ transport: "unix", path: draft.socket });
  const file = new SocketIdentity();
  try {
    Deno.chmodSync(draft.socket, mode);
    if (owner !== undefined || group !== undefined) {
      Deno.chownSync(draft.socket, owner ?? null, group ?? null);
    }
    const info = Deno.lstatSync(draft.socket);
    file.set(info);
    Deno.renameSync(draft.socket, path);
    own.set(info);
  } catch (error) {
    listener.close();
    throw error;
  } finally {
    removeQuietly(draft.directory);
  }
  return {
    listener,
    remove() {
      const info = factsOf(path);
      if (info !== undefined && file.is(info)) removeQuietly(path);
    },
  };
}

/** The directory, without access of other users, and nothing in it. */
function makePrivate(directory: string, socket: string): void {
  try {
    Deno.mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    // Left by a process that was killed while it bound; the rules for the parent say that no other user made it.
    if (factsOf(directory)?.isDirectory !== true) {
      throw new Error(`${directory} is in the way and is not a directory`);
    }
    Deno.chmodSync(directory, 0o700);
    removeQuietly(socket);
  }
}

function factsOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It has gone, or the directory was taken from us: then the next one to bind reports it.
  }
}
