/**
 * What a list of module and profile names stands for, and whether it may be built (spec 01 section 5.3).
 *
 * @module
 */
import {
  BASE_FOLDERS,
  FOLDER_ORDER,
  FOLDERS_NOT_WITH_PRIVACY,
  JOINT_FOLDERS,
  MODULES,
} from "../../catalog/modules.ts";
import { EXCLUSIVE, NOT_WITH_PRIVACY, PROFILES, REMOVED } from "../../catalog/profiles.ts";
import type { CatalogModule, CatalogProfile } from "../../catalog/types.ts";
import { didYouMean } from "../../config/problems/did_you_mean.ts";
import { Failure } from "../command.ts";

const MODULE_BY_NAME: ReadonlyMap<string, CatalogModule> = new Map(MODULES.map((m) => [m.name, m]));

/** A reason why a set cannot be built. */
export interface FeatureProblem {
  readonly kind: "unknown" | "forbidden" | "no-provider";
  readonly message: string;
}

/** An expanded list of names. */
export interface FeatureSet {
  /** Every module, aliases and needs expanded, in catalog order. */
  readonly modules: readonly CatalogModule[];
  /** Empty when the set can be built today. */
  readonly problems: readonly FeatureProblem[];
}

/** The profile called `name`, by its own name or its 1.5 alias. */
export function findProfile(name: string): CatalogProfile | undefined {
  return PROFILES.find((p) => p.name === name || p.alias === name);
}

/**
 * The same for a name that was typed.
 *
 * @throws {Failure} when there is none, with what may have been meant.
 */
export function profileNamed(name: string): CatalogProfile {
  const profile = findProfile(name);
  if (profile !== undefined) return profile;
  const hint = didYouMean(
    name,
    PROFILES.flatMap((p) => p.alias === undefined ? p.name : [p.name, p.alias]),
  );
  throw new Failure(`unknown profile "${name}"` + (hint === undefined ? "" : `; ${hint}`));
}

/** The module called `name`. */
function findModule(name: string): CatalogModule | undefined {
  return MODULE_BY_NAME.get(name);
}

/** Names of a profile's modules before their needs are added; profiles it includes come first. */
function namesOf(profile: CatalogProfile): string[] {
  const included = (profile.includes ?? []).map(findProfile).filter((p) => p !== undefined);
  const more = MODULES.filter(({ profiles }) => profiles.includes(profile.name));
  return [...included.flatMap(namesOf), ...profile.modules, ...more.map(({ name }) => name)];
}

/** What a profile of the catalog contains. */
export function profileFeatures(profile: CatalogProfile): FeatureSet {
  return expandFeatures(namesOf(profile));
}

/**
 * Expands module names and `profile-*` aliases, adds what each module needs, and checks the result.
 *
 * @param names As an operator lists them, in any order; repeats are fine.
 */
export function expandFeatures(names: readonly string[]): FeatureSet {
  const problems: FeatureProblem[] = [];
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    const module = findModule(name);
    if (module === undefined) {
      problems.push({ kind: "unknown", message: unknownName(name) });
      return;
    }
    found.add(name);
    module.needs.forEach(add);
  };
  for (const name of names) {
    const profile = findModule(name) === undefined ? findProfile(name) : undefined;
    if (profile === undefined) add(name);
    else namesOf(profile).forEach(add);
  }
  const modules = MODULES.filter((module) => found.has(module.name));
  problems.push(...forbidden(found), ...unavailable(modules));
  return { modules, problems };
}

function unknownName(name: string): string {
  const removed = REMOVED[name];
  if (removed !== undefined) return `unknown module "${name}": ${removed}`;
  if (BASE_FOLDERS.some((folder) => folder === name.replaceAll("-", "_"))) {
    return `"${name}" is in every build and is not named; leave it out`;
  }
  const known = [...MODULE_BY_NAME.keys(), ...PROFILES.flatMap((p) => p.alias ?? [])];
  const hint = didYouMean(name, known);
  return `unknown module "${name}"` + (hint === undefined ? "" : `; ${hint}`);
}

function forbidden(found: ReadonlySet<string>): FeatureProblem[] {
  const problems: FeatureProblem[] = [];
  const refuse = (message: string) => problems.push({ kind: "forbidden", message });
  for (const { what, members } of EXCLUSIVE) {
    const chosen = members.filter((name) => found.has(name));
    if (chosen.length > 1) {
      refuse(`at most one ${what}: ${chosen.join(" and ")} exclude each other`);
    }
  }
  if (found.has("tls") && !EXCLUSIVE[0].members.some((name) => found.has(name))) {
    refuse("tls is no backend by itself: add tls-rustls");
  }
  if (found.has("privacy-mode")) {
    for (const name of NOT_WITH_PRIVACY) {
      // A codec brings `compression` with it; naming the codec is enough.
      if (name === "compression" && [...found].some((n) => n.startsWith("compression-"))) continue;
      if (found.has(name)) {
        refuse(`privacy-mode excludes ${name}: it would keep or reveal requests`);
      }
    }
  }
  return problems;
}

function unavailable(modules: readonly CatalogModule[]): FeatureProblem[] {
  const problems: FeatureProblem[] = [];
  for (const { name, state } of modules) {
    if (state.kind === "no-provider") {
      problems.push({
        kind: state.kind,
        message: `module ${name} cannot be offered: ${state.reason}`,
      });
    }
  }
  return problems;
}

/** Folders of `src/modules` that make up a set, in the order of a profile; what is not built has none. */
export function foldersOf(modules: readonly CatalogModule[]): string[] {
  const wanted = new Set<string>(BASE_FOLDERS);
  for (const { state } of modules) {
    if (state.kind === "built") state.folders.forEach((folder) => wanted.add(folder));
  }
  for (const joint of JOINT_FOLDERS) {
    if (joint.modules.every((name) => modules.some((m) => m.name === name))) {
      wanted.add(joint.folder);
    }
  }
  if (modules.some(({ name }) => name === "privacy-mode")) {
    FOLDERS_NOT_WITH_PRIVACY.forEach((folder) => wanted.delete(folder));
  }
  return FOLDER_ORDER.filter((folder) => wanted.has(folder));
}

/** What the entry of a set is made from. */
export function contentsOf(
  modules: readonly CatalogModule[],
): { readonly folders: readonly string[]; readonly keepsRecords: boolean } {
  return {
    folders: foldersOf(modules),
    keepsRecords: !modules.some((module) => module.name === "privacy-mode"),
  };
}
