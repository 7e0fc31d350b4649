/**
 * Keeps the port of the V8 inspector taken. SIGUSR1 makes `deno run` open it on a fixed address, with
 * no permission, whatever handler the program has: whoever may send that signal (the same user, or a
 * module inside that signals its own process) could have any code run in here. With the port taken,
 * the runtime fails to open it. A compiled program has no such listener.
 *
 * @module
 */

/** Where the runtime would listen. */
export const INSPECTOR = { hostname: "127.0.0.1", port: 9229 } as const;

/** The same as a network permission. */
export const INSPECTOR_GRANT = `${INSPECTOR.hostname}:${INSPECTOR.port}`;

/**
 * Takes the port for as long as the process runs; never accepts. Where another process has it, as another
 * gateway of this machine does, it cannot be opened either.
 *
 * @returns Gives the port back; `undefined` when it was not taken.
 */
export function takeInspectorPort(): Disposable | undefined {
  if (Deno.build.standalone) return undefined;
  const { state } = Deno.permissions.querySync({ name: "net", host: INSPECTOR_GRANT });
  if (state !== "granted") return undefined;
  try {
    const listener = Deno.listen(INSPECTOR);
    listener.unref();
    return { [Symbol.dispose]: () => listener.close() };
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}
