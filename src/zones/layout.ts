/**
 * Kinds of shared memory. A layout says how large a memory of its kind is, how a thread works with one, and
 * what the keeper does to one: settings when a configuration is adopted, and what a lost thread held.
 *
 * Every thread that is attached to a memory can write anything into it. So a layout takes what it reads for
 * untrusted: loops have a bound, indices are checked, and a lock is waited for a limited time.
 *
 * @module
 */

/** One of the threads that work with a memory. */
export interface ThreadSlot {
  /** From 0 on; {@linkcode KEEPER} for the keeper, which has no cells of its own. */
  readonly index: number;
  /** How many indices there are; the same as long as the process runs. */
  readonly count: number;
}

/** Index of the keeper. */
export const KEEPER: number = -1;

/** A kind of shared memory. */
export interface Layout<T, Size = void, Settings = void> {
  /** For messages: `queue`. */
  readonly kind: string;
  /**
   * `shared`: all threads that are attached see one memory. `perThread`: each has a memory of its own,
   * which only the keeper and a reading service see as well.
   */
  readonly parts: "shared" | "perThread";
  /** A larger memory than is asked for will do, and is kept with what it counts. */
  readonly mayBeLarger?: boolean;
  /** Bytes of a memory for threads with `threads` indices. */
  bytes(size: Size, threads: number): number;
  /** Prepares a new memory, which is all zero, before any thread is attached. */
  init?(memory: SharedArrayBuffer): void;
  /** A memory as thread `own` works with it. Called once for each memory of a thread. */
  open(memory: SharedArrayBuffer, own: ThreadSlot): T;
  /** Sets what holds from now on. Called in the keeper: for a new memory, and with each adopted configuration. */
  apply?(memory: SharedArrayBuffer, settings: Settings, call: KeeperCall): void;
  /** Gives back what a lost thread held. Called in the keeper, before another thread takes the index. */
  reclaim?(memory: SharedArrayBuffer, lost: ThreadSlot, call: KeeperCall): void;
}

/** Limits of one pass of the keeper over all memories. */
export interface KeeperCall {
  /** How many thread indices there are. */
  readonly threads: number;
  /**
   * Until when locks may be waited for, on the clock of `performance.now()`. One limit for the whole pass:
   * many memories with locks that are never freed cost no more time than one.
   */
  readonly waitUntil: number;
}

/** A shared memory that a configuration needs. A later one that asks for the same gets the same memory. */
export interface ZoneRequest<Role extends string = string> {
  /** Unique in the process: `["rate-limit","shop"]`. */
  readonly name: string;
  /** The kind of memory. */
  readonly layout: Layout<unknown, unknown, unknown>;
  /** As the layout takes it. */
  readonly size: unknown;
  /** As the layout takes them. */
  readonly settings: unknown;
  /** Threads that are attached to it. */
  readonly roles: readonly Role[];
  /** Services that see the memories of all threads, where each has one of its own. */
  readonly readers?: readonly Role[];
}

/** What a request says beside its layout. */
export type ZoneOptions<Size, Settings, Role extends string> =
  & {
    readonly name: string;
    readonly roles: readonly Role[];
    readonly readers?: readonly Role[];
  }
  & ([Size] extends [void] ? unknown : { readonly size: Size })
  & ([Settings] extends [void] ? unknown : { readonly settings: Settings });

/** A request whose size and settings are those of its layout. */
export function zone<T, Size, Settings, Role extends string>(
  layout: Layout<T, Size, Settings>,
  options: ZoneOptions<Size, Settings, Role>,
): ZoneRequest<Role> {
  const { name, roles, readers, size, settings } = options as {
    readonly name: string;
    readonly roles: readonly Role[];
    readonly readers?: readonly Role[];
    readonly size?: Size;
    readonly settings?: Settings;
  };
  const request = {
    name,
    roles,
    layout: layout as Layout<unknown, unknown, unknown>,
    size,
    settings,
  };
  return readers === undefined ? request : { ...request, readers };
}

/** A new memory of `layout`. */
export function newMemory<T, Size, Settings>(
  layout: Layout<T, Size, Settings>,
  size: Size,
  threads: number,
): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(layout.bytes(size, threads));
  layout.init?.(memory);
  return memory;
}
