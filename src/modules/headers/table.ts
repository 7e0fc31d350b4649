/** What other modules know of header policy, in the keeper and in workers. @module */
import { type HeaderScope, requestSettings } from "./merge.ts";

export { CLIENT_ADDRESS_FIELDS, dashed, HOP_BY_HOP_FIELDS } from "./field_names.ts";

/** Whether addresses that clients claim go no further in `scope`. */
export function stripsClientAddress(scope: HeaderScope): boolean {
  const { enabled, stripClientAddress } = requestSettings(scope);
  return enabled && stripClientAddress;
}
