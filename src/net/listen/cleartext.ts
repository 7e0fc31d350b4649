/** From an accepted cleartext connection to its codec, with or without a PROXY header first. @module */
import { closeQuietly, type Duplex } from "../duplex.ts";
import type { CommonListenerSpec } from "./listener_spec.ts";
import { readProxyHeader } from "./read_proxy_header.ts";
import type { Addresses, Reception } from "./reception.ts";
import { ReplayDuplex } from "./replay.ts";

/** Hands an admitted connection to its codec. */
export function deliverCleartext(
  connection: Duplex,
  addresses: Addresses,
  spec: CommonListenerSpec,
  reception: Reception,
): void {
  if (spec.proxyProtocol === "off") {
    reception.deliver(connection, reception.factsOf(addresses, undefined), spec.protocol);
  } else void deliverProxied(connection, addresses, spec, reception, spec.proxyProtocol);
}

async function deliverProxied(
  connection: Duplex,
  addresses: Addresses,
  { trustedProxies, clock, headTimeoutMs, protocol }: CommonListenerSpec,
  reception: Reception,
  version: "v1" | "v2",
): Promise<void> {
  if (trustedProxies?.hasPeer(reception.factsOf(addresses, undefined)) !== true) {
    closeQuietly(connection);
    reception.reject("proxy_untrusted");
    return;
  }
  const header = await readProxyHeader(connection, version, clock, headTimeoutMs);
  if (typeof header === "string") {
    reception.reject(header);
    return;
  }
  const { source, rest } = header;
  const stream = rest.length === 0 ? connection : new ReplayDuplex(connection, rest);
  reception.deliver(stream, reception.factsOf(addresses, source), protocol);
}

/** `tcp`, or `tcp, PROXY v2`. */
export function describeCleartext(
  kind: string,
  { proxyProtocol }: Pick<CommonListenerSpec, "proxyProtocol">,
): string {
  return proxyProtocol === "off" ? kind : `${kind}, PROXY ${proxyProtocol}`;
}
