/** The service of the cache: it keeps the disk tiers, purges, and reports what is stored. @module */
import type { Config } from "../../../config/types.ts";
import type { Files } from "../../../gateway/module.ts";
import type { RunningService, Service, ServiceContext } from "../../../gateway/threads/service.ts";
import { openSeriesMetrics } from "../../../gateway/reports/series_metrics.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { arena } from "../../../zones/arena/arena.ts";
import { CacheMeter } from "../cache_meter.ts";
import { DiskActivity } from "./disk_activity.ts";
import { Operations } from "../operate/operations.ts";
import { Purger, type PurgerRun } from "../operate/purger.ts";
import { cacheIndex } from "../store/index.ts";
import { MemoryStore } from "../store/memory.ts";
import type { DiskStore } from "../store/disk/disk_store.ts";
import { openDisk } from "../store/disk/open_disk.ts";
import { cachesOf, type CacheTable, memoryBytes, zonesOf } from "../table.ts";

/** How often blocks are freed that lost threads were the last to hold. */
const SWEEP_MS = 1000;
/** How often sizes are measured (spec 06 section B5). */
const MEASURE_MS = 5000;

/** A cache as the service has it. */
interface Tiers {
  readonly memory: MemoryStore;
  readonly disk: DiskStore | undefined;
  readonly diskActivity: DiskActivity | undefined;
}

/** The service. */
export const store: Service = {
  module: "cache",
  role: "store",
  openMetrics: openSeriesMetrics,
  start(context): Promise<RunningService> {
    const part = new StorePart(context);
    const sweeping = setInterval(() => part.sweep(), SWEEP_MS);
    return Promise.resolve({
      reload(config, files) {
        part.take(config as Config, files);
        return Promise.resolve();
      },
      call: (name: string, input: Plain) => part.call(name, tableIn(input)),
      stop() {
        clearInterval(sweeping);
        part.close();
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
  #operations: Operations;
  #config: Config;
  readonly #meter: CacheMeter;
  #nextMeasure = 0;
  readonly #purger: Purger | undefined;

  constructor(context: ServiceContext) {
    this.#context = context;
    this.#meter = new CacheMeter(context.metrics);
    const config = this.#config = context.config as Config;
    this.#operations = this.#operationsOf(config, context.files);
    if (config.cache_purger?.enabled === true) {
      const onRun = (run: PurgerRun) => this.#meter.purgerRan(run);
      this.#purger = new Purger(config.cache_purger, () => this.#disks(), context.log, onRun);
    }
    this.#measure();
  }

  take(config: Config, files: Files): void {
    this.#operations = this.#operationsOf(config, files);
    this.#config = config;
    this.#measure();
  }

  /** Shows what there is in metrics. */
  #measure(): void {
    this.#meter.read(this.#operations.scopes);
    this.#meter.show(this.#config, this.#operations.scopes);
  }

  sweep(): void {
    for (const { memory } of this.#tiers.values()) memory.index.sweep();
    const now = performance.now();
    if (now < this.#nextMeasure) return;
    this.#nextMeasure = now + MEASURE_MS;
    this.#measure();
  }

  close(): void {
    this.#purger?.stop();
    for (const disk of this.#disks()) disk.close();
  }

  async call(name: string, input: { [key: string]: Plain }): Promise<Plain> {
    if (!name.startsWith("disk.")) {
      // What is set back was counted before.
      this.#meter.read(this.#operations.scopes);
      const { status, body } = await this.#operations.run(name, input);
      if (status === 200) this.#meter.ran(name, input, body);
      this.#measure();
      return { status, body };
    }
    // Slots of another plan's memory mean nothing here.
    const tiers = typeof input.cache === "string" ? this.#tiers.get(input.cache) : undefined;
    if (tiers?.disk === undefined) return null;
    const found = await onDisk(name, input, tiers.memory, tiers.disk);
    if (name === "disk.find") tiers.diskActivity?.looked(found !== null);
    return found;
  }

  *#disks(): Generator<DiskStore> {
    for (const { disk } of this.#tiers.values()) if (disk !== undefined) yield disk;
  }

  /** Tiers for each cache of `config`; those of the configuration before are used again. */
  #operationsOf(config: Config, files: Files): Operations {
    const before = this.#tiers;
    const wanted = new Set([...cachesOf(config)].map((table) => zonesOf(table).index));
    // First of all: a root has one owner.
    for (const [index, { disk }] of before) if (!wanted.has(index)) disk?.close();
    this.#tiers = new Map();
    return new Operations(config, (table) => {
      const { index } = zonesOf(table);
      const tiers = before.get(index) ?? this.#open(table, files);
      this.#tiers.set(index, tiers);
      return tiers;
    });
  }

  #open(table: CacheTable, files: Files): Tiers {
    const { zones, log, clock } = this.#context;
    const names = zonesOf(table);
    const memory = new MemoryStore(
      zones.open(arena, names.bodies),
      zones.open(cacheIndex, names.index),
      memoryBytes(table),
    );
    const disk = openDisk(table, { log, clock, files });
    return { memory, disk, diskActivity: disk && new DiskActivity(disk) };
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
  input: { [key: string]: Plain },
  memory: MemoryStore,
  disk: DiskStore,
): Promise<Plain> {
  const { loose, part, scheme, port, slot, serial, key, generation, variance } = input;
  const isAsked = isText(loose) && isText(part) && isText(scheme) && isText(port);
  switch (name) {
    case "disk.find":
      return isAsked ? await disk.find({ loose, part, scheme, port }) ?? null : null;
    case "disk.load":
      return isAsked && isSlot(slot, memory) && typeof generation === "number" &&
          isText(variance) && /^(?:[0-9a-f]{64})?$/.test(variance)
        ? await disk.load(memory, slot, generation, { loose, part, scheme, port, variance })
        : false;
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
