/** Whether a file is the same: by its content, because times do not say much on a network. @module */
import { createHash } from "node:crypto";
import { readIfThere } from "./files.ts";

const MAX_BYTES = 1024 * 1024;

/** Text that is the same as long as the content is; `undefined` where there is no file that can be read. */
export function contentStamp(path: string): string | undefined {
  try {
    const content = readIfThere(path, MAX_BYTES);
    return content === undefined
      ? undefined
      : createHash("sha256").update(content).digest("base64");
  } catch {
    return undefined;
  }
}
