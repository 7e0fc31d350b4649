/**
 * Orders of the keeper to an edge worker, and the worker's reports (`thread_messages.ts`).
 *
 * @module
 */
import type { Config } from "../../../config/types.ts";
import type { Files, ListenerNeed } from "../../../gateway/module.ts";
import type { ServiceRole } from "../../../gateway/threads/thread.ts";
import type { ZonesByName } from "../../../zones/zones.ts";
import type { LogSettings } from "../../log/ring_logger.ts";
import type { ThreadMemory } from "../thread_memory.ts";
import type { Failed, LogFull } from "./thread_messages.ts";

/** How a module in the worker reaches a service of its own. */
export interface ServiceLink {
  readonly module: string;
  readonly role: ServiceRole;
  /** Of the calls that the service takes. */
  readonly names: readonly string[];
  /** Transferred; `undefined` when the service is gone. */
  readonly port: MessagePort | undefined;
}

/** Builds everything from `config`, binds the listeners and begins to serve. */
export interface StartOrder {
  readonly kind: "start";
  readonly config: Config;
  readonly files: Files;
  readonly zones: ZonesByName;
  /** Its own heartbeat and log ring (`thread_memory.ts`). */
  readonly memory: ThreadMemory;
  /** Names of the profile's modules, in their order: the worker must have the same. */
  readonly modules: readonly string[];
  /** Index of this worker, and how many there are (`WorkerServices`). */
  readonly slot: number;
  readonly slots: number;
  /** Of its clock. */
  readonly pace: number;
  readonly log: LogSettings;
  /** What to listen on; the unix sockets among them only when ordered to. */
  readonly listeners: readonly ListenerNeed[];
  /** Network addresses to give up when the listeners are bound, before the first request. */
  readonly givenUp: readonly string[];
  /** Services that are there already, so that the first request finds those that serving needs. */
  readonly services: readonly ServiceLink[];
}

/** Builds a snapshot of `config` beside the one that serves. */
export interface PrepareOrder {
  readonly kind: "prepare";
  readonly config: Config;
  readonly files: Files;
  readonly zones: ZonesByName;
}

export type WorkerOrder =
  | StartOrder
  | PrepareOrder
  /** Serve with the prepared snapshot from now on. */
  | { readonly kind: "commit" }
  /** Forget the prepared snapshot, if there is one. */
  | { readonly kind: "discard" }
  /**
   * Serve the unix sockets from now on, in place of the worker that did. One that already does binds them
   * anew. The report is `listening`.
   */
  | { readonly kind: "take-sockets" }
  /** Accept nothing more. */
  | { readonly kind: "close" }
  /** The same when successors already listen: what waits to be accepted is still accepted. */
  | { readonly kind: "hand-over" }
  /** Close what is idle; report when the last connection has ended. */
  | { readonly kind: "drain" }
  /** The same at leisure: successors already serve, and no idle connection is closed early. */
  | { readonly kind: "retire" }
  /** Cut what is left. */
  | { readonly kind: "abort" }
  /** Take calls of the service of `module` from `port`, which is transferred with the order. */
  | { readonly kind: "calls"; readonly module: string; readonly port: MessagePort }
  /** A service has come or gone. */
  | ServiceLink & { readonly kind: "service" };

/** A listener as a worker opened it. */
export interface OpenedListener {
  /** The configured entry, with the port that was found for port 0. */
  readonly name: string;
  /** How it works: `tcp`, `unix`, `tls (names)`. */
  readonly description: string;
}

export type WorkerReport =
  | { readonly kind: "listening"; readonly listeners: readonly OpenedListener[] }
  | { readonly kind: "prepared" }
  | Failed
  | { readonly kind: "committed" }
  | { readonly kind: "closed" }
  | { readonly kind: "drained" }
  | LogFull;
