/** Where `server.process.pid_file` is put together before it gets its name. @module */

/** A path beside the file's own. */
export function pidFileDraft(path: string): string {
  return `${path}.new`;
}
