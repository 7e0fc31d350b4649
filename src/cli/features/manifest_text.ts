/**
 * Ring 1 as committed files: what a profile can ever need, and which part of it asks.
 *
 * @module
 */
import type { Manifest, Module } from "../../gateway/module.ts";
import { ownManifest } from "../../runtime/permissions/own_permissions.ts";
import { manifestOf, NO_IMPORT } from "../../runtime/permissions/plan.ts";
import { PERMISSION_KINDS, type PermissionKind } from "../../runtime/permissions/planned_grant.ts";
import type { Profile } from "../../runtime/threads/profile.ts";

/** A permission set as `deno.json` and `deno compile` take it: every kind is decided. */
export type PermissionSet =
  & { readonly [Kind in PermissionKind]: boolean | readonly string[] }
  & { readonly ffi: false; readonly import: readonly [typeof NO_IMPORT] };

/** One file of `permissions/`. */
export interface ManifestFile {
  readonly profile: string;
  readonly modules: readonly string[];
  readonly permissions: PermissionSet;
  /** For each kind that is granted, what asks for it: `gateway` or a module. */
  readonly asked_by: { readonly [Kind in PermissionKind]?: readonly string[] };
}

/** The permission set of a profile. */
export function permissionSet(modules: readonly Module[]): PermissionSet {
  const ring = manifestOf(modules);
  return {
    net: decided(ring.net),
    read: decided(ring.read),
    write: decided(ring.write),
    run: decided(ring.run),
    env: decided(ring.env),
    sys: decided(ring.sys),
    ffi: false,
    import: [NO_IMPORT],
  };
}

/** The file of a profile. */
export function manifestFile({ name, modules }: Profile): ManifestFile {
  const askers: [string, Manifest][] = [
    ["gateway", ownManifest(modules)],
    ...modules.map(({ name, manifest }): [string, Manifest] => [name, manifest]),
  ];
  const asked: { [Kind in PermissionKind]?: string[] } = {};
  for (const kind of PERMISSION_KINDS) {
    const names = askers.filter(([, m]) => decided(m[kind]) !== false).map(([n]) => n);
    if (names.length > 0) asked[kind] = names;
  }
  return {
    profile: name,
    modules: modules.map((m) => m.name),
    permissions: permissionSet(modules),
    asked_by: asked,
  };
}

/** An empty list asks for nothing; in a permission set it would mean everything. */
function decided(value: true | readonly string[] | undefined): boolean | readonly string[] {
  if (value === undefined || value === true) return value ?? false;
  return value.length === 0 ? false : value;
}
