/** The service of the cache: it purges, and says what is stored. @module */
import type { Config } from "../../config/types.ts";
import type { RunningService, Service, ServiceContext } from "../../gateway/service.ts";
import type { Plain } from "../../gateway/thread.ts";
import { arena } from "../../zones/arena.ts";
import { Operations } from "./operations.ts";
import { cacheIndex } from "./store/index.ts";
import { MemoryStore } from "./store/memory.ts";
import { DiskStore } from "./store/disk.ts";
import { type CacheTable, diskOf, memoryBytes, userTag, zonesOf } from "./table.ts";

/** How often blocks are freed that lost threads were the last to hold. */
const SWEEP_MS = 1000;

/** A cache as the service has it. */
interface Tiers {
  readonly memory: MemoryStore;
  readonly disk: DiskStore | undefined;
}

/** The service. */
export const store: Service = {
  module: "cache",
  role: "store",
  start(context): Promise<RunningService> {
    const part = new StorePart(context);
    const sweeping = setInterval(() => part.sweep(), SWEEP_MS);
    return Promise.resolve({
      reload(config) {
        part.take(config as Config);
        return Promise.resolve();
      },
      call: (name: string, input: Plain) => part.call(name, tableIn(input)),
      stop() {
        clearInterval(sweeping);
        return Promise.resolve();
      },
    });
  },
};

/** The tiers of all caches, and what is asked of them. */
class StorePart {
  readonly #context: ServiceContext;
  /** By the name of the index, which is another one for another plan. */
  #tiers = new Map<string, Tiers>();
  /** By the scope that objects are named by. */
  #byTag = new Map<string, Tiers>();
  #operations: Operations;

  constructor(context: ServiceContext) {
    this.#context = context;
    this.#operations = this.#operationsOf(context.config as Config);
  }

  take(config: Config): void {
    this.#operations = this.#operationsOf(config);
  }

  sweep(): void {
    for (const { memory } of this.#tiers.values()) memory.index.sweep();
  }

  async call(name: string, input: { [key: string]: Plain }): Promise<Plain> {
    if (!name.startsWith("disk.")) {
      const { status, body } = await this.#operations.run(name, input);
      return { status, body };
    }
    const tiers = typeof input.cache === "string" ? this.#byTag.get(input.cache) : undefined;
    return tiers?.disk === undefined ? null : await onDisk(name, input, tiers.memory, tiers.disk);
  }

  /** Tiers for each cache of `config`; those of the configuration before are used again. */
  #operationsOf(config: Config): Operations {
    const before = this.#tiers;
    this.#tiers = new Map();
    this.#byTag = new Map();
    return new Operations(config, (table) => {
      const { index } = zonesOf(table);
      const tiers = before.get(index) ?? this.#open(table);
      this.#tiers.set(index, tiers);
      this.#byTag.set(userTag(table), tiers);
      return tiers;
    });
  }

  #open(table: CacheTable): Tiers {
    const { zones, log } = this.#context;
    const names = zonesOf(table);
    const memory = new MemoryStore(
      zones.open(arena, names.bodies),
      zones.open(cacheIndex, names.index),
      memoryBytes(table),
    );
    const disk = diskOf(table);
    if (disk === undefined) return { memory, disk: undefined };
    const maxObjectBytes = table.config.max_object_bytes;
    const options = { ...disk, maxObjectBytes, userTag: userTag(table), log };
    return { memory, disk: new DiskStore(options) };
  }
}

function tableIn(input: Plain): { [key: string]: Plain } {
  const isTable = typeof input === "object" && input !== null && !Array.isArray(input) &&
    !(input instanceof Uint8Array);
  return isTable ? input as { [key: string]: Plain } : {};
}

/** What workers ask of a disk tier. */
async function onDisk(
  name: string,
  { loose, part, scheme, port, slot, serial, key }: { [key: string]: Plain },
  memory: MemoryStore,
  disk: DiskStore,
): Promise<Plain> {
  switch (name) {
    case "disk.find":
      return isText(loose) && isText(part) && isText(scheme) && isText(port)
        ? disk.find(loose, part, scheme, port) ?? null
        : null;
    case "disk.save":
      return isSlot(slot, memory) && typeof serial === "number"
        ? await disk.save(memory, slot, serial)
        : false;
    case "disk.drop":
      return isText(key) && /^[0-9a-f]{64}$/.test(key) && disk.remove(key);
    case "disk.invalidate": {
      await disk.scanned;
      if (isText(loose)) { for (const one of disk.keysOf(loose)) disk.remove(one); }
      return null;
    }
    default:
      return null;
  }
}

function isText(value: Plain | undefined): value is string {
  return typeof value === "string";
}

function isSlot(value: Plain | undefined, { index }: MemoryStore): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < index.usedSlots;
}
