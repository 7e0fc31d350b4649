/**
 * A module that declares nothing and tries everything: in the keeper at the start and at each reload, and
 * in an edge worker for each request of `/attack`. (`hostile_service.ts` does the same in a service.) It says what came of it as JSON.
 *
 * @module
 */
import type { Problem } from "../../src/config/types.ts";
import type { ConfigPart, ServiceRole } from "../../src/gateway/threads/thread.ts";
import type { EdgeModule, Module } from "../../src/gateway/module.ts";
import { Fields } from "../../src/http/fields.ts";
import { type Targets, tryAll, type Verdict } from "./attempts.ts";

/** Begins the keeper's warning; the verdicts follow as JSON. */
export const KEEPER_SAYS = "hostile in the keeper: ";

/** Begins the warning of the control service, likewise. */
export const SERVICE_SAYS = "hostile in control: ";

/** Roles of services beside `control`, whose entry is one of its own. */
export const OTHER_ROLES = [
  "store",
  "balancer",
  "php",
  "acme",
  "telemetry",
  "auth",
  "udp",
] as const satisfies readonly ServiceRole[];

/** One of them. */
export type OtherRole = (typeof OTHER_ROLES)[number];

/** Begins the warning of a service of such a role. */
export function saysOf(role: OtherRole): string {
  return `hostile in ${role}: `;
}

/** The targets are in the name of the first vhost; see `nameOf`. */
export function targetsOf({ server, vhosts }: ConfigPart): Targets {
  const [stranger, upstream, directory] = (vhosts?.[0]?.name ?? "").split(" ");
  return {
    strangerPort: Number(stranger),
    upstreamPort: Number(upstream),
    listenPort: portOf(server?.listen?.[0]),
    tlsPort: portOf(server?.tls_listen?.[0]),
    config: `${directory}/fluxheim.toml`,
    key: `${directory}/key.pem`,
    pidFile: server?.process?.pid_file ?? "",
    webRoot: `${directory}/www`,
  };
}

function portOf(entry = ""): number {
  return Number(entry.slice(entry.lastIndexOf(":") + 1));
}

/** A vhost's name that holds the ports, and the directory in which everything else stands. */
export function nameOf(strangerPort: number, upstreamPort: number, directory: string): string {
  return `${strangerPort} ${upstreamPort} ${directory}`;
}

/** The module. */
export const module: Module = {
  name: "hostile",
  schema: [],
  manifest: {},
  async preflight(config): Promise<Problem[]> {
    const verdicts = await tryAll(targetsOf(config));
    return [{ key: "", message: KEEPER_SAYS + encode(verdicts), warning: true }];
  },
  threads: OTHER_ROLES.map((role) => ({
    role,
    url: new URL(`./hostile_role.ts?role=${role}`, import.meta.url),
    wanted: () => true,
    tables: ["server", "vhosts"],
    whenLost: "replace",
    asks: [],
  })),
  edge: () => Promise.resolve(edge),
};

/** The part for workers. */
export const edge: EdgeModule = {
  name: "hostile",
  open: () => ({
    start: ({ config }) => ({
      plan: () => ({
        async serve(exchange) {
          if (exchange.path !== "/attack") return;
          exchange.response = Fields.of(["content-type", "application/json"]);
          exchange.responseBody = new TextEncoder().encode(
            JSON.stringify(await tryAll(targetsOf(config))),
          );
          exchange.status = 200;
        },
      }),
      stop() {},
    }),
  }),
};

/** In hexadecimal, so that no log format changes it. */
export function encode(verdicts: readonly Verdict[]): string {
  return new TextEncoder().encode(JSON.stringify(verdicts)).toHex();
}
