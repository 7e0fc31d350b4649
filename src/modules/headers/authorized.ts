/**
 * What the gateway vouches for on an exchange's request to the upstream: fields of auth services (spec 02
 * section 9.8) and names of clients that were authenticated.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { Slot } from "../../gateway/exchange/slot.ts";
import { dashed } from "./field_names.ts";

/** Fields for the upstream. */
export interface Authorized {
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Names that are vouched for: the client's own fields of these names are not sent. */
  readonly removes: ReadonlySet<string>;
}

/** Written by the step that asked; `undefined` where no step did. */
export const AUTHORIZED = new Slot<Authorized | undefined>(undefined);

/**
 * Vouches for `fields`. They replace the client's own, also where there are none of a name, and those of a step
 * that has asked before.
 *
 * @param names Every name that the caller speaks for.
 */
export function authorizeFields(
  exchange: Exchange,
  names: readonly string[],
  fields: Authorized["fields"],
): void {
  if (names.length === 0 && fields.length === 0) return;
  const removes = new Set(names.flatMap((name) => [name, dashed(name)]));
  const before = AUTHORIZED.of(exchange);
  AUTHORIZED.set(exchange, {
    removes: before?.removes.union(removes) ?? removes,
    fields: before === undefined
      ? fields
      : [...before.fields.filter(([name]) => !removes.has(dashed(name))), ...fields],
  });
}
