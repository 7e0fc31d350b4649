/**
 * The services that the modules in an edge worker call, each module its own.
 *
 * @module
 */
import type { Calls } from "../../gateway/threads/calls.ts";
import type { ServiceRole } from "../../gateway/threads/thread.ts";
import { Caller, unavailable } from "./messages/calls.ts";
import type { ServiceLink } from "./messages/worker_messages.ts";

/** Ports to services, by module and role. */
export class OwnServices {
  readonly #callers = new Map<string, Caller>();

  /** A service has come, has been replaced, or has gone. */
  link({ module, role, names, port }: ServiceLink): void {
    const key = keyOf(module, role);
    let caller = this.#callers.get(key);
    if (caller === undefined) {
      caller = new Caller(`service ${role}`, new Set(names));
      this.#callers.set(key, caller);
    }
    if (port === undefined) caller.disconnect("it is not there");
    else caller.connect(port);
  }

  /** The service `role` of `module`, whether it is there at the moment or not. */
  of(module: string, role: ServiceRole): Calls {
    const key = keyOf(module, role);
    return {
      call: (name, input, deadlineMs) =>
        this.#callers.get(key)?.call(name, input, deadlineMs) ??
          Promise.resolve(unavailable(`service ${role} is not there`)),
    };
  }
}

function keyOf(module: string, role: ServiceRole): string {
  return `${module} ${role}`;
}
