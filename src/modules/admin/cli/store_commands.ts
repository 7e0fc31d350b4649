/** `fluxheim snapshot`, `snapshots` and `rollback` (spec 01 section 6.2): they work on the store alone. @module */
import { resolve } from "node:path";
import { dumpToml } from "../../../config/dump.ts";
import { formatProblem } from "../../../config/problems/problems.ts";
import { pathProblem } from "../../../config/read/paths.ts";
import type { CommandCall, CommandOption, ModuleCommand } from "../../../gateway/command.ts";
import { StoreError } from "../store/files.ts";
import { messageOf } from "../store/ids.ts";
import { SnapshotStore } from "../store/store.ts";
import { readValidation } from "../store/validation.ts";
import { adminOf } from "../table.ts";
import { JSON_OPTION } from "./target.ts";

const STORE_VARIABLE = "FLUXHEIM_SNAPSHOT_STORE";

const STORE: CommandOption = {
  name: "store",
  value: "DIR",
  help: `snapshot store; without it $${STORE_VARIABLE}, and else that of the configuration`,
};

/** Stores the configuration. */
export const snapshot: ModuleCommand = {
  name: "snapshot",
  summary: "store the configuration as a snapshot, and make it the current one",
  options: [
    STORE,
    { name: "message", value: "TEXT", help: "what the snapshot is for" },
    JSON_OPTION,
  ],
  takesConfig: true,
  run: (call) =>
    reporting(call, async () => {
      const read = messageOf(call.args.get("message") ?? "");
      if ("problem" in read) throw new StoreError("refused", read.problem);
      const loaded = await call.loaded();
      if (loaded === undefined) return 1;
      const store = storeAt(call, adminOf(loaded.config)?.snapshot_store);
      const id = store.newIds.next();
      const createdUnixSecs = Math.floor(Date.now() / 1000);
      await store.locked(() => {
        const text = dumpToml(loaded.effective ?? {});
        store.add({ id, text, message: read.message, createdUnixSecs });
        store.point(id);
      });
      print(call, { snapshot: id, config: store.configPath(id), current: store.pointerPath });
      return 0;
    }),
};

/** Lists snapshots, and removes old ones. */
export const snapshots: ModuleCommand = {
  name: "snapshots",
  summary: "list the snapshots of a store, oldest first; the current one has a star",
  options: [
    STORE,
    {
      name: "prune",
      value: "N",
      help: "first remove all but the N youngest; what is current or known to be good stays",
    },
    JSON_OPTION,
  ],
  takesConfig: true,
  run: (call) =>
    reporting(call, async () => {
      const store = await givenStore(call);
      if (store === undefined) return 1;
      const keep = call.args.get("prune");
      if (keep !== undefined) await prune(store, keep, call);
      const entries = store.list();
      if (call.args.has(JSON_OPTION.name)) {
        call.out(JSON.stringify({ snapshots: entries }, undefined, 2));
        return 0;
      }
      for (const { id, current, message, problem } of entries) {
        const text = problem === undefined ? message ?? "no message" : `damaged: ${problem}`;
        call.out(`${current ? "*" : " "} ${id} ${text.replaceAll("\n", " ")}`);
      }
      return 0;
    }),
};

/** Moves the pointer. */
export const rollback: ModuleCommand = {
  name: "rollback",
  summary: "make an earlier snapshot the current one; a running gateway is not touched",
  options: [
    STORE,
    { name: "to", value: "ID", help: "the snapshot; without it the one before the current one" },
    JSON_OPTION,
  ],
  takesConfig: true,
  run: (call) =>
    reporting(call, async () => {
      const store = await givenStore(call);
      if (store === undefined) return 1;
      const id = await store.locked(() => {
        const id = call.args.get("to") ?? store.previous();
        const { config, problems } = call.readText(store.read(id));
        if (config === undefined) {
          const text = problems.map(formatProblem).join("; ");
          throw new StoreError("refused", `the snapshot ${id} is not valid: ${text}`);
        }
        store.point(id);
        return id;
      });
      print(call, {
        "rollback target": id,
        config: store.configPath(id),
        action:
          "a running gateway takes it up by POST /_fluxheim/reload, which classifies it first",
      });
      return 0;
    }),
};

async function prune(store: SnapshotStore, text: string, call: CommandCall): Promise<void> {
  if (!/^[0-9]{1,4}$/.test(text)) {
    throw new StoreError("refused", `--prune must be a number of snapshots, not "${text}"`);
  }
  const removed = await store.locked(() => {
    const { known_good, pending } = readValidation(store.root);
    const kept = new Set([
      store.current(),
      known_good,
      pending?.target_snapshot,
      pending?.previous_snapshot,
    ]);
    const ids = store.ids();
    const old = ids.slice(0, Math.max(0, ids.length - Number(text))).filter((id) => !kept.has(id));
    store.remove(old);
    return old.length;
  });
  call.err(`removed: ${removed}`);
}

async function givenStore(call: CommandCall): Promise<SnapshotStore | undefined> {
  if (named(call) !== undefined) return storeAt(call, undefined);
  const config = await call.config();
  return config === undefined ? undefined : storeAt(call, adminOf(config)?.snapshot_store);
}

function named({ args }: CommandCall): string | undefined {
  const given = args.get(STORE.name);
  if (given !== undefined) return given;
  const { state } = Deno.permissions.querySync({ name: "env", variable: STORE_VARIABLE });
  return state === "granted" ? Deno.env.get(STORE_VARIABLE) : undefined;
}

function storeAt(call: CommandCall, configured: string | undefined): SnapshotStore {
  const path = named(call) ?? configured;
  if (path === undefined || path === "") {
    const text = "no snapshot store is named: use --store, or set admin.snapshot_store";
    throw new StoreError("refused", text);
  }
  const root = resolve(path);
  const unsafe = pathProblem(root, { trustedParent: true, process: false });
  if (unsafe !== undefined) throw new StoreError("refused", `--store ${path} ${unsafe.message}`);
  return new SnapshotStore(root);
}

function print({ args, out }: CommandCall, lines: Readonly<Record<string, string>>): void {
  if (!args.has(JSON_OPTION.name)) {
    for (const [name, value] of Object.entries(lines)) out(`${name}: ${value}`);
    return;
  }
  const keys = Object.entries(lines).map(([name, value]) => [name.replace(" ", "_"), value]);
  out(JSON.stringify(Object.fromEntries(keys), undefined, 2));
}

async function reporting(call: CommandCall, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    call.err(`fluxheim: ${error.message}`);
    return 1;
  }
}
