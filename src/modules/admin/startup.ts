/**
 * Which configuration a process starts with: that of its source, unless it is one that self-healing was still
 * watching when the last process ended, or has rolled back.
 *
 * @module
 */
import { dumpToml } from "../../config/dump.ts";
import { formatProblem } from "../../config/problems/problems.ts";
import type { Loaded, StartContext } from "../../gateway/threads/keeper_part.ts";
import { SnapshotStore } from "./store/store.ts";
import { StoreError } from "./store/files.ts";
import { NOTHING_KNOWN, readValidation, type Validation } from "./store/validation.ts";
import { adminOf } from "./table.ts";

/** What was found in the store, and what came of it. */
export class Startup {
  validation: Validation = NOTHING_KNOWN;
  /** The snapshot that is served in place of the source's configuration, and why. */
  chosen: { readonly snapshot: string; readonly reason: string } | undefined;
  /** What is wrong with the store, or with the snapshot that should be served. */
  readonly problems: string[] = [];
  /** Why it is not known what was validated. */
  damage: string | undefined;

  /** Never throws: without a store the gateway serves as well. */
  choose({ loaded, readText }: StartContext): Loaded | undefined {
    const admin = adminOf(loaded.config);
    if (admin === undefined) return undefined;
    const store = new SnapshotStore(admin.snapshot_store);
    try {
      this.validation = readValidation(store.root);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.damage = error.message;
      this.problems.push(error.message);
      return undefined;
    }
    try {
      const back = this.#wayBack(loaded, store);
      if (back === undefined) return undefined;
      const known = readText(store.read(back.snapshot));
      if (known.config === undefined) {
        const problems = known.problems.map(formatProblem).join("; ");
        this.problems.push(`the snapshot ${back.snapshot} cannot be served: ${problems}`);
        return undefined;
      }
      this.chosen = back;
      return known;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.problems.push(error.message);
      return undefined;
    }
  }

  /** The chosen snapshot could not be served. */
  passedOver(reason: string): void {
    if (this.chosen === undefined) return;
    this.problems.push(`the snapshot ${this.chosen.snapshot} cannot be served: ${reason}`);
    this.chosen = undefined;
  }

  #wayBack(
    loaded: Loaded,
    store: SnapshotStore,
  ): { readonly snapshot: string; readonly reason: string } | undefined {
    const { pending, rejected, known_good } = this.validation;
    if (pending !== undefined) {
      const snapshot = pending.previous_snapshot;
      const reason = `the snapshot ${pending.target_snapshot} was not confirmed before the ` +
        "process ended";
      return { snapshot, reason };
    }
    if (rejected === undefined || known_good === undefined) return undefined;
    if (!store.has(rejected.snapshot)) return undefined;
    // The source may hold what was rolled back, and nothing else has changed since.
    if (store.read(rejected.snapshot) !== dumpToml(loaded.effective ?? {})) return undefined;
    return {
      snapshot: known_good,
      reason: `${rejected.snapshot} was rolled back: ${rejected.reason}`,
    };
  }
}
