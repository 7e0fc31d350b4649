/** How to reach an upstream: everything that makes one connection unfit for another's use. @module */
import { createHash } from "node:crypto";
import type { ProxyVersion } from "../listen/proxy_protocol.ts";

/** TLS to an upstream (spec 02 section 9.1). */
export interface UpstreamTls {
  /** Name to ask for (SNI); `""` for none. */
  readonly serverName: string;
  /** Whether the chain must lead to a trusted root. */
  readonly verifyChain: boolean;
  /** Names or addresses of which the certificate must have one; empty to accept any. */
  readonly verifyNames: readonly string[];
  /** PEM bundle of roots that replaces the platform's; `undefined` for those. */
  readonly roots: string | undefined;
  /** What we show when asked: PEM chain and key. */
  readonly client: { readonly cert: string; readonly key: string } | undefined;
}

/** An upstream and how to speak to it. */
export interface UpstreamTarget {
  /** Name or IP address, without brackets; of a unix socket the name that it stands for. */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Unix socket to connect to. */
  readonly path?: string;
  readonly tls: UpstreamTls | undefined;
  /**
   * `http1`, `http2`, or with TLS whichever the upstream chooses (spec 02 section 9.3). Without TLS
   * `http2` is prior knowledge, and `http1-and-http2` is HTTP/1.1. `opaque` is a protocol that is not ours to
   * know: TLS offers nothing by ALPN.
   */
  readonly version: "http1" | "http2" | "http1-and-http2" | "opaque";
  /**
   * A name must not lead to restricted addresses (`restricted.ts`): such answers are skipped. An address that is
   * configured as one is connected to in any case.
   */
  readonly refusesRestricted?: boolean;
  /** Header to send before everything else. */
  readonly proxyProtocol: "off" | ProxyVersion;
  /** Time to connect; `undefined` for no limit of ours. */
  readonly connectTimeoutMs: number | undefined;
  /** Time to connect and shake hands; `undefined` for no limit of ours. */
  readonly totalConnectTimeoutMs: number | undefined;
}

/**
 * The same text for two targets whose connections may serve each other's requests, and for no others.
 * To be made once, when a plan is compiled. PEM text is represented by its digest.
 */
export function targetKey(target: UpstreamTarget): string {
  const { host, port, path = "", version, proxyProtocol, tls, refusesRestricted } = target;
  const parts: unknown[] = [host.toLowerCase(), port, path, version, proxyProtocol];
  if (refusesRestricted === true) parts.push("unrestricted");
  if (tls !== undefined) {
    const { serverName, verifyChain, verifyNames, roots, client } = tls;
    parts.push(serverName, verifyChain, verifyNames, digest(roots));
    parts.push(digest(client?.cert), digest(client?.key));
  }
  return JSON.stringify(parts);
}

function digest(pem: string | undefined): string {
  return pem === undefined ? "" : createHash("sha256").update(pem).digest("hex");
}
