/**
 * Takes away what the runtime lets any code use without a permission and this program never does: the
 * Cache API, web storage and WebGPU, whose shaders are cached, write to directories of the runtime's and
 * the driver's own, in threads that may not write anywhere, too; a socket made of a descriptor is any
 * connection or file of the process; and a thread that a thread starts has all of it anew. Only the
 * keeper starts threads.
 *
 * A profile imports this before its modules, so that none of them finds a way in.
 *
 * @module
 */
import process from "node:process";
import { Worker as NodeWorker } from "node:worker_threads";

/** Properties of the global object that lead to a disk. */
const UNGUARDED = ["caches", "localStorage", "sessionStorage"] as const;

function take(object: object, name: string): void {
  if (!Reflect.deleteProperty(object, name)) throw new Error(`${name} cannot be taken away`);
}

for (const name of UNGUARDED) take(globalThis, name);
take(Object.getPrototypeOf(navigator), "gpu");

/** What a class that nothing may be made of extends. */
function Denied(): never {
  throw new Error("denied: only the keeper starts threads");
}

/**
 * Keeps anything from being made of a class, by whatever name it is reached: `super()` calls the
 * constructor that the class extends at that moment, whatever `new.target` is, and from now on that is
 * always the one that throws.
 */
function seal(constructor: object): void {
  if (!Reflect.setPrototypeOf(constructor, Denied) || !Reflect.preventExtensions(constructor)) {
    throw new Error("threads cannot be taken away");
  }
}

seal(NodeWorker);
// The first thread, the keeper, has no such scope.
if ("WorkerGlobalScope" in globalThis) seal(globalThis.Worker);

/** What `net.Socket` opens a descriptor with; a connection of its own never is one that was open before. */
const HANDLES = [["tcp_wrap", "TCP"], ["pipe_wrap", "Pipe"]] as const;

for (const [binding, name] of HANDLES) {
  const handle: { readonly prototype: object } = Reflect.get(process, "binding")(binding)[name];
  const value = () => {
    throw new Error("denied: no socket is made of a descriptor");
  };
  Object.defineProperty(handle.prototype, "open", { value, writable: false, configurable: false });
}
