/**
 * Every file that is generated from the catalog of profiles: the profiles' entries, their manifests, and
 * the permission sets of `deno.json`.
 *
 * @module
 */
import { containerText } from "../features/container_text.ts";
import { OPEN_PROFILE, PROFILES } from "../../catalog/profiles.ts";
import type { CatalogProfile } from "../../catalog/types.ts";
import { contentsOf, profileFeatures } from "../features/feature_set.ts";
import { type ManifestFile, manifestFile } from "../features/manifest_text.ts";
import type { Profile } from "../../runtime/threads/profile.ts";
import { profileFiles, ROOT } from "./entry_files.ts";

/** Text of a file by its path below the checkout. */
export type Files = ReadonlyMap<string, string>;

/** Profiles that have an entry: all of their modules are built. */
export function builtProfiles(): CatalogProfile[] {
  return PROFILES.filter((p) =>
    p.name === OPEN_PROFILE || profileFeatures(p).problems.length === 0
  );
}

/** The entries of every built profile. */
export async function profileEntries(): Promise<Files> {
  const files = new Map<string, string>();
  for (const profile of builtProfiles()) {
    const { modules } = profileFeatures(profile);
    const { name, use } = profile;
    const entry = { name, use, ...contentsOf(modules) };
    for (const [path, text] of await profileFiles(entry)) files.set(path, text);
  }
  return files;
}

/** What follows from the entries as they stand: manifests and permission sets. */
export async function permissionFiles(): Promise<Files> {
  const manifests: ManifestFile[] = [];
  for (const { name } of builtProfiles()) {
    const entry: { profile: Profile } = await import(`${ROOT}src/profiles/${name}.ts`);
    manifests.push(manifestFile(entry.profile));
  }
  const files = new Map<string, string>();
  for (const manifest of manifests) {
    const { profile } = manifest;
    const text = JSON.stringify(manifest, undefined, 2) + "\n";
    files.set(`permissions/${profile}.json`, text);
    files.set(`packaging/containers/${profile}.Containerfile`, containerText(manifest));
  }
  files.set(
    "deno.json",
    withPermissionSets(await Deno.readTextFile(`${ROOT}deno.json`), manifests),
  );
  return files;
}

const SECTION = /\n {2}"permissions": \{\n(?: {4}.*\n)* {2}\},/;

/** `deno.json` with its section `permissions` replaced, the rest untouched. */
function withPermissionSets(text: string, manifests: readonly ManifestFile[]): string {
  const sets = Object.fromEntries(manifests.map((m) => [m.profile, m.permissions]));
  const section = JSON.stringify({ permissions: sets }, undefined, 2).slice(2, -2);
  if (!SECTION.test(text)) throw new Error("deno.json has no section permissions");
  return text.replace(SECTION, () => `\n${section},`);
}

/** Files that look generated but are not in `files`: their profile is gone. */
export async function leftOver(files: Files): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(`${ROOT}permissions`)) {
    if (name.endsWith(".json") && !files.has(`permissions/${name}`)) {
      found.push(`permissions/${name}`);
    }
  }
  for await (const { name } of Deno.readDir(`${ROOT}packaging/containers`)) {
    const path = `packaging/containers/${name}`;
    if (name.endsWith(".Containerfile") && !files.has(path)) found.push(path);
  }
  for await (const { name } of Deno.readDir(`${ROOT}src/cli/entries`)) {
    if (!files.has(`src/cli/entries/${name}`)) found.push(`src/cli/entries/${name}`);
  }
  for await (const { name } of Deno.readDir(`${ROOT}src/profiles`)) {
    const path = `src/profiles/${name}`;
    if (/_(worker|control|telemetry)\.ts$/.test(name) && !files.has(path)) found.push(path);
  }
  return found;
}
