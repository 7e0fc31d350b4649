/** Objects on disk, as the index has them and as they are asked for. @module */
import type { Times } from "../memory.ts";
import type { ObjectMeta } from "../meta.ts";

/** An object that lies there. */
export interface DiskEntry {
  readonly key: string;
  readonly bytes: number;
  readonly meta: ObjectMeta;
  readonly times: Times;
  usedMs: number;
}

/** What a look for an object on disk goes by. */
export interface DiskAsked {
  readonly loose: string;
  readonly part: string;
  readonly scheme: string;
  readonly port: string;
}
