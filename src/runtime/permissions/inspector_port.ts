/**
 * Keeps the port of the V8 inspector taken. SIGUSR1 makes `deno run` open it on a fixed address, with
 * no permission, whatever handler the program has: a sender of that signal (the same user, or a
 * module inside that signals its own process) could have any code run in here. With the port taken,
 * the runtime fails to open it. A compiled program has no such listener.
 *
 * @module
 */

/** Where the runtime would listen. */
export const INSPECTOR = { hostname: "127.0.0.1", port: 9229 } as const;

/** The same as a network permission. */
export const INSPECTOR_GRANT = `${INSPECTOR.hostname}:${INSPECTOR.port}`;

/** How long the port can be free after another process has let go of it. */
const RETRY_MS = 250;

/**
 * Takes the port for as long as the process runs; never accepts. Other gateways of this machine share it:
 * the runtime opens its inspector on a port that no process has, and on no other. Where a process has it that
 * does not share, it is tried again until it can be had.
 */
export function takeInspectorPort(): InspectorGuard {
  return new InspectorGuard();
}

/** The hold on the port. */
export class InspectorGuard implements Disposable {
  #listener: Deno.Listener | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #onTaken: (() => void) | undefined;

  /** As {@linkcode takeInspectorPort} makes it. */
  constructor() {
    if (Deno.build.standalone || !isGranted() || this.#take()) return;
    this.#timer = setInterval(() => this.#retry(), RETRY_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Whether another process has the port, so that the permission for it is needed on. */
  get isWaiting(): boolean {
    return this.#timer !== undefined;
  }

  /** Has `then` called when the port is taken at last; the permission can be given up. */
  whenTaken(then: () => void): void {
    this.#onTaken = then;
  }

  /** Gives the port back. */
  [Symbol.dispose](): void {
    this.#stop();
    this.#listener?.close();
    this.#listener = undefined;
  }

  #retry(): void {
    // Without the permission there is nothing more to be had.
    if (isGranted() && !this.#take()) return;
    this.#stop();
    this.#onTaken?.();
  }

  #take(): boolean {
    try {
      this.#listener = Deno.listen({ ...INSPECTOR, reusePort: true });
      this.#listener.unref();
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return false;
      throw error;
    }
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function isGranted(): boolean {
  return Deno.permissions.querySync({ name: "net", host: INSPECTOR_GRANT }).state === "granted";
}
