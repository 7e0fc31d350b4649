/**
 * What auth services have allowed onto an exchange's request to the upstream (spec 02 section 9.8).
 *
 * @module
 */
import { Slot } from "../../gateway/slot.ts";

/** Fields for the upstream. */
export interface Authorized {
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Names that the services may speak for: the client's own fields of these names are not sent. */
  readonly removes: ReadonlySet<string>;
}

/** Written by the step that asked; `undefined` where no service was asked. */
export const AUTHORIZED = new Slot<Authorized | undefined>(undefined);
