/** `fluxheim profiles`: which builds there are, and what is in them. @module */
import { MODULES } from "../../catalog/modules.ts";
import { PROFILES } from "../../catalog/profiles.ts";
import type { CatalogProfile } from "../../catalog/types.ts";
import { profileFeatures } from "../features/feature_set.ts";
import type { Command } from "../command.ts";
import { table } from "../table.ts";

/** Prints the table of profiles, or with `--modules` that of modules. */
export const profiles: Command = {
  name: "profiles",
  summary: "list the profiles and the modules in them",
  details: [
    "A profile is a set of modules that one build contains; what is not in it is not in the program.",
    "A star marks the profile of this program; artifacts are the profiles that are published.",
  ],
  options: [
    { name: "modules", help: "list modules instead of profiles" },
    { name: "json", help: "print JSON" },
  ],
  run({ args, io, profile }) {
    if (args.has("modules")) {
      if (args.has("json")) io.out(JSON.stringify(MODULES.map(moduleRecord), undefined, 2));
      else table(moduleRows()).forEach(io.out);
      return 0;
    }
    const records = PROFILES.map((p) => profileRecord(p, profile.name));
    if (args.has("json")) io.out(JSON.stringify(records, undefined, 2));
    else table(profileRows(records)).forEach(io.out);
    return 0;
  },
};

/** One profile, as `--json` prints it. */
interface ProfileRecord {
  readonly name: string;
  /** Its name in Fluxheim 1.5. */
  readonly alias: string | undefined;
  /** Whether it is published as a binary. */
  readonly release: boolean;
  /** Whether this program is one of it. */
  readonly current: boolean;
  readonly state: "built" | "fails closed";
  readonly use: string;
  readonly modules: readonly string[];
  /** Modules of it that keep it from being built. */
  readonly lacks: readonly string[];
  /** Why, a line for each. */
  readonly missing: readonly string[];
}

function profileRecord(profile: CatalogProfile, current: string): ProfileRecord {
  const { modules, problems } = profileFeatures(profile);
  return {
    name: profile.name,
    alias: profile.alias,
    release: profile.release,
    current: profile.name === current,
    state: problems.length === 0 ? "built" : "fails closed",
    use: profile.use,
    modules: modules.map(({ name }) => name),
    lacks: modules.filter(({ state }) => state.kind !== "built").map(({ name }) => name),
    missing: problems.map(({ message }) => message),
  };
}

function profileRows(records: readonly ProfileRecord[]): string[][] {
  return [
    ["", "profile", "artifact", "state", "use", "lacks"],
    ...records.map(({ current, name, release, state, use, lacks }) => [
      current ? "*" : "",
      name,
      release ? "yes" : "",
      state,
      use,
      lacks.join(" "),
    ]),
  ];
}

function moduleRecord(module: typeof MODULES[number]): Record<string, unknown> {
  return {
    name: module.name,
    state: module.state.kind,
    needs: module.needs,
    provides: module.provides,
    ...(module.state.kind === "no-provider" ? { reason: module.state.reason } : {}),
  };
}

const STATES = {
  "built": "built",
  "no-provider": "fails closed",
} as const;

function moduleRows(): string[][] {
  return [
    ["module", "state", "needs", "provides"],
    ...MODULES.map((m) => [m.name, STATES[m.state.kind], m.needs.join(", ") || "-", m.provides]),
  ];
}
