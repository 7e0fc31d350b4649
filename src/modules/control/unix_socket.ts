/**
 * A unix socket to listen on. One that a process left behind when it was killed is taken for stale, when no
 * process accepts on it, and replaced; a socket of another process and any other file are left alone.
 *
 * @module
 */

/** The owner and the group may connect. */
const SOCKET_MODE = 0o660;

/** An open socket, and the file it has. */
export interface UnixSocket {
  readonly listener: Deno.UnixListener;
  readonly path: string;
  readonly inode: number | null;
}

/**
 * Binds a socket at `path`.
 *
 * @throws {Deno.errors.AddrInUse} when another process listens there, or another file is there.
 */
export async function listenOnSocket(path: string): Promise<UnixSocket> {
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse) || !await isStale(path)) throw error;
    Deno.removeSync(path);
    listener = Deno.listen({ transport: "unix", path });
  }
  Deno.chmodSync(path, SOCKET_MODE);
  return { listener, path, inode: Deno.lstatSync(path).ino };
}

/** Whether the file is still the one that was bound: closing removes whatever has the name. */
export function isStillOwn({ path, inode }: UnixSocket): boolean {
  try {
    return Deno.lstatSync(path).ino === inode;
  } catch {
    return false;
  }
}

async function isStale(path: string): Promise<boolean> {
  if (!Deno.lstatSync(path).isSocket) return false;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}
