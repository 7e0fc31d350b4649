/**
 * The three rings of permissions: what a build can ever need ({@linkcode manifestOf}), what one
 * configuration needs ({@linkcode planOf}, {@linkcode toFlags}), and what of that a thread
 * gets by its role ({@linkcode workerPermissions}). Pure; `granted.ts` asks the runtime.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { ListenerNeed, Manifest, Module, Needs, Role } from "../../gateway/module.ts";
import { ownGrants, ownManifest, type PlanOptions } from "./own_permissions.ts";
import { PERMISSION_KINDS, type PermissionKind, type PlannedGrant } from "./planned_grant.ts";

/** What one configuration needs, each thing with the key that asks for it. */
export interface Plan {
  /** In the order of the modules that ask; the same thing may be asked for more than once. */
  readonly grants: readonly PlannedGrant[];
}

/**
 * Ring 2: what `config` needs, of the gateway itself and of each module.
 *
 * @param needs What each of `modules` said.
 * @param listeners Every listener of the edge workers.
 */
export function planOf(
  config: Config,
  modules: readonly Module[],
  needs: readonly Needs[],
  listeners: readonly ListenerNeed[],
  options: PlanOptions = {},
): Plan {
  const grants: PlannedGrant[] = [...ownGrants(config, modules, listeners, options)];
  for (const { files = [], grants: asked = {} } of needs) {
    for (const { path, key } of files) {
      grants.push({ kind: "read", value: path, key, for: "keeper", optional: false });
    }
    for (const kind of PERMISSION_KINDS) {
      for (const grant of asked[kind] ?? []) grants.push({ ...grant, kind, optional: false });
    }
  }
  return { grants };
}

/**
 * The part of a plan that the keeper still needs when the gateway serves: what it uses again, and all that
 * it must have to hand it on to a thread that takes the place of a dead one.
 */
export function servingPlan({ grants }: Plan): Plan {
  return { grants: grants.filter((grant) => grant.for !== "keeper" || grant.startOnly !== true) };
}

/** The values of one kind, each once, sorted so that flags and manifests do not change by accident. */
export function valuesOf(
  { grants }: Plan,
  kind: PermissionKind,
  role?: Role,
): readonly string[] {
  const values = new Set<string>();
  for (const grant of grants) {
    if (grant.kind === kind && (role === undefined || grant.for === role)) values.add(grant.value);
  }
  return [...values].sort();
}

/**
 * The only host that modules may be imported from: none, for the name can never exist (RFC 6761). Left
 * to itself the runtime allows a list of public hosts, whatever `net` says, to workers with
 * `import: false` too, and neither `import: false` nor a bare `--deny-import` takes the list away.
 */
export const NO_IMPORT = "none.invalid:443";

/**
 * What keeps a running program from loading other code than it was started with. `import("npm:...")` asks
 * for no permission: without the first flag it fetches the package, in any thread, writes it to the
 * runtime's cache and runs it; without the second it runs what the cache has of other programs, and
 * rewrites the lock file.
 */
export const NO_NEW_CODE = ["--cached-only", "--frozen"] as const;

/**
 * Ring 2 as arguments of `deno run`: what is allowed, and {@linkcode NO_NEW_CODE}.
 *
 * @throws As {@linkcode permissionFlags}.
 */
export function toFlags(plan: Plan): string[] {
  return [...NO_NEW_CODE, ...permissionFlags(plan)];
}

/**
 * Ring 2 as flags that a compiled program takes, too. The two unstable features are those every build
 * uses.
 *
 * @throws When a value has a comma. The runtime (2.9.6) splits there whatever is around it, so the flag
 * would allow other things than it says. Paths of a configuration have none (`unusable_path.ts`); what is
 * left is the place of the program itself.
 */
export function permissionFlags(plan: Plan): string[] {
  const flags = ["--no-prompt", "--unstable-net", "--unstable-worker-options"];
  for (const kind of PERMISSION_KINDS) {
    const values = valuesOf(plan, kind);
    const unsayable = values.find((value) => value.includes(","));
    if (unsayable !== undefined) {
      throw new Error(`no flag can name ${unsayable}: it has a comma; move it to another place`);
    }
    if (values.length > 0) flags.push(`--allow-${kind}=${values.join(",")}`);
  }
  flags.push(`--allow-import=${NO_IMPORT}`);
  return flags;
}

/** What one thread may do: exact lists, `false` for nothing. */
export type ThreadPermissions =
  & { readonly [Kind in Exclude<PermissionKind, "net">]: string[] | false }
  & {
    readonly net: string[] | "inherit" | false;
    readonly ffi: false;
    readonly import: false;
  };

/** Ring 3: what a thread is started with, and what of that it keeps. */
export interface RolePermissions {
  readonly atStart: ThreadPermissions;
  /** Network addresses that it gives up when it serves, before its first request. */
  readonly givenUp: readonly string[];
}

/**
 * Ring 3: the part of a plan that threads of one role use.
 *
 * @param options `blanketNet`: this thread may use the whole network. The runtime refuses to hand an
 * IPv4 range on to a worker when its own grant is that same range, so without a blanket grant a
 * plan with a range gives the worker all of this thread's network grants, and nothing else of it.
 */
export function workerPermissions(
  plan: Plan,
  role: Role,
  { blanketNet }: { readonly blanketNet: boolean },
): RolePermissions {
  const own = (kind: PermissionKind): string[] | false => {
    const values = valuesOf(plan, kind, role);
    return values.length === 0 ? false : [...values];
  };
  const net = own("net");
  const ranged = net !== false && net.some(isRange);
  return {
    atStart: {
      net: ranged && !blanketNet ? "inherit" : net,
      read: own("read"),
      write: own("write"),
      run: own("run"),
      env: own("env"),
      sys: own("sys"),
      ffi: false,
      import: false,
    },
    // To give up an address is to give up every range that it is in.
    givenUp: ranged ? [] : startOnlyAddresses(plan, role),
  };
}

/** Addresses that threads of a role need for their listeners and for nothing else. */
function startOnlyAddresses({ grants }: Plan, role: Role): readonly string[] {
  const own = grants.filter((grant) => grant.for === role && grant.kind === "net");
  const kept = new Set(own.filter((grant) => grant.startOnly !== true).map((g) => g.value));
  const bound = own.filter((grant) => grant.startOnly === true).map((grant) => grant.value);
  return [...new Set(bound)].filter((value) => !kept.has(value)).sort();
}

/** Whether a thread that was started with `held` still has everything that one with `wanted` serves with. */
export function covers(held: RolePermissions, wanted: RolePermissions): boolean {
  return PERMISSION_KINDS.every((kind) => {
    const [has, wants] = [kept(held, kind), kept(wanted, kind)];
    if (wants === false || has === "inherit") return true;
    if (wants === "inherit" || has === false) return false;
    return wants.every((value) => has.includes(value));
  });
}

/** What of a kind is left of `permissions` when the thread serves. */
function kept(
  { atStart, givenUp }: RolePermissions,
  kind: PermissionKind,
): readonly string[] | "inherit" | false {
  const values = atStart[kind];
  if (kind !== "net" || values === false || values === "inherit") return values;
  return values.filter((value) => !givenUp.includes(value));
}

/** Ring 1: everything a build with these modules can ever need. */
export function manifestOf(modules: readonly Module[]): Manifest {
  const all: Manifest[] = [ownManifest(modules), ...modules.map(({ manifest }) => manifest)];
  const ring: { -readonly [Kind in PermissionKind]?: true | readonly string[] } = {};
  for (const kind of PERMISSION_KINDS) {
    const parts = all.map((manifest) => manifest[kind]).filter((part) => part !== undefined);
    if (parts.includes(true)) ring[kind] = true;
    else if (parts.length > 0) {
      ring[kind] = [...new Set(parts.flatMap((part) => part === true ? [] : part))].sort();
    }
  }
  return ring;
}

/** `10.0.0.0/8` or `10.0.0.0/8:443`; a unix socket's path has slashes of its own. */
function isRange(value: string): boolean {
  return !value.startsWith("unix:") && value.includes("/");
}

/** Every role that `plan` has a grant for, the keeper's first. */
export function rolesOf({ grants }: Plan): readonly Role[] {
  const roles = new Set<Role>(["keeper", "edge"]);
  for (const grant of grants) roles.add(grant.for);
  return [...roles];
}
