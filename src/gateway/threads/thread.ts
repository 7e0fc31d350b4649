/**
 * Threads of a process by role, and what they may send each other.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";

/**
 * What a thread of the process is for: `edge` serves connections, `keeper` is the first thread and holds
 * the permissions of the process, every other name is that of a service (`control`).
 */
export type Role = "edge" | "keeper" | ServiceRole;

/** Roles of services: threads of a module's own, with grants of their own. */
export type ServiceRole =
  | "control"
  | "store"
  | "balancer"
  | "php"
  | "acme"
  | "telemetry"
  | "auth"
  | "udp"
  | "quic"
  | "fleet";

/** A thread of a module's own: its service. */
export interface ThreadSpec {
  /**
   * Several modules may bring parts of one service, each with a `ThreadSpec` of the same role: the thread
   * then holds what all of them ask for.
   */
  readonly role: ServiceRole;
  /**
   * The entry of the thread in a profile that names none for the role (`Profile.services`). Written as
   * `new URL("./service.ts", import.meta.url)`, so that bundling tools find the file.
   */
  readonly url?: URL;
  /** Whether this configuration needs it. Pure. */
  wanted(config: Config): boolean;
  /**
   * Configuration tables and keys that it is handed, as paths from the root: `"server.health"`. It gets
   * nothing else of the configuration.
   */
  readonly tables: readonly string[];
  /**
   * When it starts. `"serving"`: before an edge worker accepts connections; where it cannot start, the
   * configuration is not served. Unless given, once the process is ready, and again until it can.
   */
  readonly startsBefore?: "serving";
  /**
   * When its event loop stops: `replace`, the process goes on and another thread takes its place; `end`, the
   * process ends. A thread that dies is replaced either way.
   */
  readonly whenLost: "replace" | "end";
  /**
   * Milliseconds that its `stop` may take, where that is more than a second: for one that ends programs. At most
   * 30 seconds.
   */
  readonly stopMs?: number;
  /**
   * Calls that it may make, by the role that takes them: `"keeper.reload"`, `"store.purge"`; `"edges"`
   * stands for calls to the module's own part in every edge worker.
   */
  readonly asks: readonly string[];
  /** Calls that it takes of the module's own part in edge workers, by name (`EdgeServices.service`). */
  readonly edgeAsks?: readonly string[];
}

/** Some of the tables and keys of a configuration. */
export type ConfigPart = PartOf<Config>;

/** `T` with every key optional and read-only, at every depth. */
export type PartOf<T> = T extends readonly unknown[] ? T
  : T extends object ? { readonly [Key in keyof T]?: PartOf<T[Key]> }
  : T;

/** What threads send each other in calls: data without code, identity, or shared memory. */
export type Plain =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Plain[]
  | { readonly [key: string]: Plain };

/** Most bytes of one call or answer, texts counted as two a character. */
export const MAX_PLAIN_BYTES = 1024 * 1024;
/** Most values in one call or answer, each list, table and key counted. */
const MAX_PLAIN_VALUES = 65_536;
/** Deepest nesting; a cycle is deeper. */
const MAX_PLAIN_DEPTH = 32;

/**
 * Whether a value that another thread has sent is data that may be looked at. The check ends in bounded
 * time whatever the value is.
 */
export function isPlain(value: unknown): value is Plain {
  return new PlainCheck().holds(value, 0);
}

class PlainCheck {
  #bytes = 0;
  #values = 0;

  holds(value: unknown, depth: number): boolean {
    if (depth > MAX_PLAIN_DEPTH || ++this.#values > MAX_PLAIN_VALUES) return false;
    switch (typeof value) {
      case "boolean":
      case "number":
        return true;
      case "string":
        return this.#fits(2 * value.length);
      case "object":
        return value === null || this.#holdsObject(value, depth + 1);
      default:
        return false;
    }
  }

  #holdsObject(value: object, depth: number): boolean {
    if (value instanceof Uint8Array) {
      return value.buffer instanceof ArrayBuffer && this.#fits(value.length);
    }
    if (Array.isArray(value)) {
      // A sparse list is as long as its last index says.
      if (value.length > MAX_PLAIN_VALUES) return false;
      for (const item of value) if (!this.holds(item, depth)) return false;
      return Object.keys(value).length === value.length;
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return false;
    for (const [key, item] of Object.entries(value)) {
      if (!this.#fits(2 * key.length) || !this.holds(item, depth)) return false;
    }
    return true;
  }

  #fits(bytes: number): boolean {
    return (this.#bytes += bytes) <= MAX_PLAIN_BYTES;
  }
}
