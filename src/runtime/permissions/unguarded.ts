/**
 * Takes away what the runtime lets any code use without a permission and this program never does: the
 * Cache API and web storage, which write to a directory of the runtime's own, in workers that may not
 * write anywhere, too.
 *
 * A profile imports this before its modules, so that none of them finds a way in.
 *
 * @module
 */

/** Properties of the global object that lead to a disk. */
const UNGUARDED = ["caches", "localStorage", "sessionStorage"] as const;

for (const name of UNGUARDED) {
  if (!Reflect.deleteProperty(globalThis, name)) throw new Error(`${name} cannot be taken away`);
}
