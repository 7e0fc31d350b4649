/**
 * Interim (1xx) answers on their way from an upstream to the client (RFC 9110 section 15.2): early hints,
 * above all.
 *
 * @module
 */
import { Fields, type ReadonlyFields } from "./fields.ts";

/** Where answers go that precede the client's own answer. */
export interface InterimOutlet {
  /**
   * Sends one to the client; what comes too late, or without a client, is dropped.
   *
   * @returns What to wait for where the order matters. Never rejects.
   */
  inform(status: number, fields: ReadonlyFields): void | Promise<void>;
}

/**
 * What hints are made of (RFC 8297). Nothing else passes: policies on the fields of answers do not see these.
 */
const HINT_FIELDS = ["link", "content-security-policy"];

/** Hands on what an upstream sent before its answer; 100 was for the gateway, which asks by itself. */
export function passInterim(
  outlet: InterimOutlet | undefined,
  status: number,
  { names, values }: ReadonlyFields,
): void {
  if (outlet === undefined || status === 100) return;
  const hints = new Fields();
  for (let i = 0; i < names.length; i++) {
    if (HINT_FIELDS.includes(names[i])) hints.append(names[i], values[i]);
  }
  void outlet.inform(status, hints);
}
