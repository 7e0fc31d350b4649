/** Whether the fast TLS terminator, which has one certificate and asks for none, will do. @module */
import type { SecureListenerSpec } from "../listen/listener_spec.ts";
import { type KeyPair, onlyPair, type TlsListenerSpec } from "./spec.ts";

/** What of a listener decides it. */
export type StaticNeeds = Pick<SecureListenerSpec, "proxyProtocol" | "passesOn">;

/**
 * The pair that terminator would show for `spec`, or `undefined` when it cannot do what is asked or is not
 * wanted: a new certificate takes a new socket here, and a client that is just connecting can be lost.
 */
export function staticPair(
  spec: StaticNeeds,
  tls: TlsListenerSpec,
): KeyPair | undefined {
  if (!tls.fastListener || beyondStatic(spec, tls).length > 0) return undefined;
  return onlyPair(tls.material);
}

/** What is asked for that this terminator cannot do, in words. */
export function beyondStatic(
  { proxyProtocol, passesOn }: StaticNeeds,
  { material, minVersion, clientAuth, needsFacts }: TlsListenerSpec,
): readonly string[] {
  const found: string[] = [];
  if (onlyPair(material) === undefined) found.push("certificates by name");
  if (clientAuth !== "off") found.push("client certificates");
  if (proxyProtocol !== "off") found.push("PROXY headers");
  if (passesOn !== undefined) found.push("streams by name");
  if (minVersion !== "TLSv1.2") found.push("TLS 1.3 alone");
  if (needsFacts) found.push("{tls.version} or {tls.cipher} in a header");
  return found;
}
