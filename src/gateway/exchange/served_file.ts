/** Which file an answer was made of, for modules that ask for that before it is looked for. @module */
import { Slot } from "./slot.ts";

/** A file as answers are made of it. */
export interface ServedFile {
  /** Absolute, without links. */
  readonly path: string;
  readonly length: number;
  /** Distinguishes versions of a file. */
  readonly etag: string;
}

/** Filled by what answers with a file. */
export class SoughtFile {
  file: ServedFile | undefined = undefined;
}

/** Set by a step before the content that wants to know; `undefined` where no module does. */
export const SOUGHT_FILE = new Slot<SoughtFile | undefined>(undefined);
