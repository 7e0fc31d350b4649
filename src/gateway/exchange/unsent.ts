/** What a 304 is about, where that is known: its fields do not say. @module */
import { Slot } from "./slot.ts";

/** Content that is not sent. */
export interface Unsent {
  readonly mediaType: string;
  readonly length: number;
}

/** Written by what answers with the 304, for `response` steps; `undefined` where nothing is known. */
export const UNSENT = new Slot<Unsent | undefined>(undefined);
