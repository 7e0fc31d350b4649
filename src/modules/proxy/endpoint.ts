/**
 * What the URL of a service says: where it is and how it is spoken to.
 *
 * @module
 */
import { isIP } from "node:net";

/** A URL taken apart. */
export interface Endpoint {
  readonly tls: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** `Host` to send: the port only where it is not the scheme's own. */
  readonly authority: string;
  /** At least `/`. */
  readonly path: string;
}

/** Takes apart a URL that the configuration has checked. */
export function endpointOf(url: string): Endpoint {
  const parsed = new URL(url);
  const tls = parsed.protocol === "https:";
  return {
    tls,
    host: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: parsed.port === "" ? (tls ? 443 : 80) : Number(parsed.port),
    authority: parsed.host,
    path: parsed.pathname,
  };
}

/** What the runtime must allow for `endpoint`. */
export function endpointGrant({ host, port }: Endpoint): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
