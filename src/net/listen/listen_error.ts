/** Why a listener could not be opened, worded so that an operator can act on it. @module */

import { unixPath } from "../unix_address.ts";

/** What kept a listener from opening. */
export type ListenFailure = "in_use" | "privileged" | "not_permitted" | "no_address" | "other";

/** A listener that could not be opened. */
export class ListenError extends Error {
  /**
   * @param key The configuration key that asks for the listener: `server.listen[0]`.
   * @param address Its value: `0.0.0.0:80`.
   * @param hint What an operator can do about it; `""` when there is nothing to say.
   */
  constructor(
    readonly key: string,
    readonly address: string,
    readonly failure: ListenFailure,
    readonly hint: string,
    cause: Error,
  ) {
    const advice = hint === "" ? "" : `; ${hint}`;
    super(`${key}: cannot listen on ${address}: ${cause.message}${advice}`, { cause });
    this.name = "ListenError";
  }
}

/** Explains the error of a bind call. */
export function explainListenError(key: string, address: string, error: unknown): ListenError {
  const cause = error instanceof Error ? error : new Error(String(error));
  const code = "code" in cause ? cause.code : undefined;
  if (unixPath(address) !== undefined) return explainSocketError(key, address, cause, code);
  if (code === "EADDRINUSE") {
    const hint = "another program, or another entry of this configuration, has this port";
    return new ListenError(key, address, "in_use", hint, cause);
  }
  if (cause instanceof Deno.errors.NotCapable) {
    const hint = `start with --allow-net=${address}, as "fluxheim permissions" prints it`;
    return new ListenError(key, address, "not_permitted", hint, cause);
  }
  if (code === "EACCES" || cause instanceof Deno.errors.PermissionDenied) {
    const hint = "ports below 1024 need CAP_NET_BIND_SERVICE (AmbientCapabilities= in a unit), " +
      "or a lower net.ipv4.ip_unprivileged_port_start";
    return new ListenError(key, address, "privileged", hint, cause);
  }
  if (code === "EADDRNOTAVAIL") {
    const hint = "no network interface of this machine has this address";
    return new ListenError(key, address, "no_address", hint, cause);
  }
  return new ListenError(key, address, "other", "", cause);
}

function explainSocketError(
  key: string,
  address: string,
  cause: Error,
  code: unknown,
): ListenError {
  if (code === "EADDRINUSE") {
    const hint = "stop that program, or listen on another path";
    return new ListenError(key, address, "in_use", hint, cause);
  }
  if (cause instanceof Deno.errors.NotCapable) {
    const hint = 'start with the flags that "fluxheim permissions" prints';
    return new ListenError(key, address, "not_permitted", hint, cause);
  }
  if (cause instanceof Deno.errors.NotFound) {
    const hint = "its directory must exist";
    return new ListenError(key, address, "no_address", hint, cause);
  }
  if (code === "EACCES" || code === "EPERM") {
    const hint =
      "the service user must be able to write in the directory of the socket; to give it " +
      "to another group, it must be a member of that group";
    return new ListenError(key, address, "privileged", hint, cause);
  }
  return new ListenError(key, address, "other", "", cause);
}
