/** When an issuer wants a certificate to be renewed (ARI, RFC 9773). @module */
import type { X509Certificate } from "node:crypto";
import { Buffer } from "node:buffer";
import { authorityKeyIdentifier } from "../../../net/tls/critical_extensions.ts";
import { AcmeError, shown } from "./acme_error.ts";
import type { IssuerClient } from "./issuer_client.ts";

/** Pause before the next question where the issuer says none, and its bounds (RFC 9773 section 4.3). */
const DEFAULT_ASK_SECS = 6 * 3600;
const MIN_ASK_SECS = 60;
const MAX_ASK_SECS = 86_400;

/** What an issuer says of one certificate. Times in seconds since 1970. */
export interface SuggestedWindow {
  readonly start: number;
  readonly end: number;
  /** When to ask again. */
  readonly askAt: number;
  readonly explanation: string;
}

/** How the issuer of a certificate names it; `undefined` where it has no name for the key that has signed it. */
export function certificateId(certificate: X509Certificate): string | undefined {
  const key = authorityKeyIdentifier(new Uint8Array(certificate.raw));
  if (key === undefined) return undefined;
  const serial = Buffer.from(certificate.serialNumber.padStart(2, "0"), "hex");
  // The number is positive.
  const octets = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${Buffer.from(key).toString("base64url")}.${octets.toString("base64url")}`;
}

/** @returns `undefined` where the issuer has no renewal information. */
export async function suggestedWindow(
  client: IssuerClient,
  id: string,
  nowSecs: number,
): Promise<SuggestedWindow | undefined> {
  const { renewalInfo } = await client.directory();
  if (renewalInfo === undefined) return undefined;
  const { json = {}, retryAt } = await client.get(`${renewalInfo.replace(/\/$/, "")}/${id}`);
  const { suggestedWindow: found, explanationURL } = json;
  const { start, end } = (typeof found === "object" && found !== null ? found : {}) as {
    start?: unknown;
    end?: unknown;
  };
  const [from, to] = [start, end].map((time) => Date.parse(String(time)) / 1000);
  if (!Number.isFinite(from) || !Number.isFinite(to) || to < from) {
    throw new AcmeError("its renewal information has no window");
  }
  const wait = retryAt === 0 ? DEFAULT_ASK_SECS : retryAt / 1000 - nowSecs;
  return {
    start: from,
    end: to,
    askAt: nowSecs + Math.min(Math.max(wait, MIN_ASK_SECS), MAX_ASK_SECS),
    explanation: typeof explanationURL === "string" ? shown(explanationURL) : "",
  };
}

/** A moment in the window, drawn so that the certificates of many gateways spread over it. */
export function momentIn({ start, end }: SuggestedWindow, nowSecs: number): number {
  if (end <= nowSecs) return nowSecs;
  const from = Math.max(start, nowSecs);
  return from + Math.random() * (end - from);
}
