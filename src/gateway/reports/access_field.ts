/**
 * A field that a module adds to the access record. Its name is in `src/catalog/access_fields.ts` as well,
 * which says whether each record has it.
 *
 * @module
 */
import type { Exchange } from "../exchange/exchange.ts";

/** What a field holds. */
export type AccessValue = string | number | boolean | null;

/** One field. */
export interface AccessField {
  /** As the record and `logging.access.fields` spell it. */
  readonly name: string;
  /** Its value for a finished exchange; `""` or `null` for one that has none. */
  of(exchange: Exchange): AccessValue;
}
