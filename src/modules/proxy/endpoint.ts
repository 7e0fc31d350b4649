/**
 * Services that are asked beside the upstream: auth services and mirrors, named by a URL.
 *
 * @module
 */
import { isIP } from "node:net";
import type { WorkerContext } from "../../gateway/module.ts";
import { UpstreamPool } from "./pool.ts";

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

/** Limits of an endpoint's connections. */
export interface EndpointLimits {
  readonly connectMs: number;
  readonly readMs: number;
  readonly maxIdle: number;
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

/** A pool of HTTP/1.1 connections to `endpoint`, certificates verified against the platform's roots. */
export function poolForEndpoint(
  endpoint: Endpoint,
  { clock }: WorkerContext,
  limits: EndpointLimits,
): UpstreamPool {
  return new UpstreamPool({
    target: {
      host: endpoint.host,
      port: endpoint.port,
      version: "http1",
      proxyProtocol: "off",
      connectTimeoutMs: limits.connectMs,
      totalConnectTimeoutMs: limits.connectMs,
      tls: endpoint.tls
        ? {
          serverName: endpoint.host,
          verifyChain: true,
          verifyNames: [endpoint.host],
          roots: undefined,
          client: undefined,
        }
        : undefined,
    },
    timeouts: { readMs: limits.readMs, sendMs: limits.readMs, idleMs: 60_000 },
    clock,
    maxIdle: limits.maxIdle,
    maxStreams: 1,
    pingIntervalMs: 0,
  });
}
