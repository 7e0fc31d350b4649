/**
 * Addresses of unix sockets as a configuration writes them: `unix:/run/app.sock`.
 *
 * @module
 */

/** Begins the address of a unix socket; in `server.trusted_proxies` it stands for the peers of all of them. */
export const UNIX = "unix:";

/** Longest path the kernel takes: 108 bytes with the one that ends it (unix(7)). */
export const MAX_SOCKET_PATH_BYTES = 107;

/** The path in `unix:/path`, `undefined` for every other address. */
export function unixPath(address: string): string | undefined {
  return address.startsWith(UNIX) ? address.slice(UNIX.length) : undefined;
}
