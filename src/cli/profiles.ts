/** `fluxheim profiles`: which builds there are, and what is in them. @module */
import { MODULES, PROFILES } from "../profiles/catalog.ts";
import { type FeatureSet, profileFeatures } from "./features/feature_set.ts";
import type { Command } from "./command.ts";
import { table } from "./table.ts";

/** Prints the table of profiles, or with `--modules` that of modules. */
export const profiles: Command = {
  name: "profiles",
  summary: "list the profiles and the modules in them",
  details: [
    "A profile is a set of modules that one build contains; what is not in it is not in the program.",
    "A star marks the profile of this program.",
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
    const records = PROFILES.map((p) => {
      const { modules, problems } = profileFeatures(p);
      return {
        name: p.name,
        alias: p.alias,
        release: p.release,
        current: p.name === profile.name,
        state: stateOf({ modules, problems }),
        use: p.use,
        modules: modules.map((m) => m.name),
        missing: problems.map((x) => x.message),
      };
    });
    if (args.has("json")) io.out(JSON.stringify(records, undefined, 2));
    else {
      const rows = records.map((r) => [
        r.current ? "*" : " ",
        r.name,
        r.state,
        r.use,
      ]);
      table([[" ", "profile", "state", "use"], ...rows]).forEach(io.out);
    }
    return 0;
  },
};

/** Whether a set can be built, in a word. */
function stateOf({ problems }: FeatureSet): string {
  if (problems.length === 0) return "built";
  if (problems.some((p) => p.kind === "no-provider")) return "fails closed";
  return `lacks ${problems.length}`;
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
  "not-built": "not built yet",
  "no-provider": "fails closed",
} as const;

function moduleRows(): string[][] {
  return [
    ["module", "state", "needs", "provides"],
    ...MODULES.map((m) => [m.name, STATES[m.state.kind], m.needs.join(", ") || "-", m.provides]),
  ];
}
