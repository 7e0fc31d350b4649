/**
 * Which services see the memories of other threads (`ZoneRequest.readers`), and what they learn as
 * threads come and go.
 *
 * @module
 */
import type { PartOfThread } from "../../gateway/threads/service.ts";
import type { ServiceRole } from "../../gateway/threads/thread.ts";
import { KEEPER } from "../../zones/layout.ts";
import type { ZoneRegistry } from "../../zones/registry.ts";
import { SERIES_ZONE_NAME } from "../../zones/zone_names.ts";
import type { CounterTotals } from "../log/record_types.ts";
import type { PartOrder, PartsByZone } from "./messages/service_messages.ts";

/** Index of what the keeper itself shows, beside that of what lost threads have counted. */
const KEEPERS_OWN = KEEPER - 1;

/** Tells a service. */
type Tell = (order: PartOrder) => void;

/** The readers of a process. */
export class Readings {
  readonly #readers = new Map<ServiceRole, Tell>();
  readonly #counters: CounterTotals | undefined;
  readonly #zones: () => ZoneRegistry;

  /**
   * @param counters What lost threads have counted; `undefined` in a build that keeps nothing.
   * @param zones Those of the configuration that serves.
   */
  constructor(counters: CounterTotals | undefined, zones: () => ZoneRegistry) {
    this.#counters = counters;
    this.#zones = zones;
  }

  /** A service is about to start: returns what it reads, and tells it of every change from now on. */
  begin(role: ServiceRole, tell: Tell): PartsByZone {
    this.#readers.set(role, tell);
    const zones = this.#zones();
    return new Map(
      zones.readBy(role).map((zone) => {
        const parts = new Map<number, PartOfThread>(zones.partsOf(zone));
        if (zone === SERIES_ZONE_NAME && this.#counters !== undefined) {
          const { past, own } = this.#counters;
          parts.set(KEEPER, { number: KEEPER, buffer: past });
          parts.set(KEEPERS_OWN, { number: KEEPERS_OWN, buffer: own });
        }
        return [zone, parts];
      }),
    );
  }

  /** It has ended. */
  end(role: ServiceRole): void {
    this.#readers.delete(role);
  }

  /** The thread `index` works. */
  added(index: number): void {
    const zones = this.#zones();
    for (const [role, tell] of this.#readers) {
      for (const zone of zones.readBy(role)) {
        const part = zones.partsOf(zone).get(index);
        if (part !== undefined) tell({ kind: "part", zone, index, part });
      }
    }
  }

  /** What the lost service `index` has counted stays; its memory is about to be given up. */
  retire(index: number): void {
    this.#counters?.retire(this.#zones(), index);
  }

  /** The thread `index` is gone. */
  removed(index: number): void {
    const zones = this.#zones();
    for (const [role, tell] of this.#readers) {
      for (const zone of zones.readBy(role)) tell({ kind: "part", zone, index, part: undefined });
    }
  }
}
