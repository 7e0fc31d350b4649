/** Paths beside `server.process.pid_file`. @module */

/** Where it is put together before it gets its name. */
export function pidFileDraft(path: string): string {
  return `${path}.new`;
}

/** The socket that messages to a syslog server's unix socket are sent from; the runtime binds none without a path. */
export function syslogSocket(path: string): string {
  return `${path}.log`;
}
