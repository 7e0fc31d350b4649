/** The admin API's part in the control service: its listener and the ops socket. @module */
import type { RunningService, Service, ServiceContext } from "../../gateway/threads/service.ts";
import type { ConfigPart } from "../../gateway/threads/thread.ts";
import type { Files } from "../../gateway/module.ts";
import type { HttpExchange } from "../../http/exchange.ts";
import { ControlListeners, type ControlProgram } from "../control/control.ts";
import { controlHosts } from "../control/table.ts";
import { answerFault, refuse } from "./api/answers.ts";
import { Token } from "./api/credentials.ts";
import { Dashboard } from "./dashboard/assets.ts";
import { PANELS } from "./dashboard/panel.ts";
import { certificates } from "./dashboard/panels/certificates.ts";
import { latency } from "./dashboard/panels/latency.ts";
import { overview } from "./dashboard/panels/overview.ts";
import { refusals } from "./dashboard/panels/refusals.ts";
import { snapshots } from "./dashboard/panels/snapshots.ts";
import { traffic } from "./dashboard/panels/traffic.ts";
import { ENDPOINTS } from "./api/endpoint.ts";
import { OWN_ENDPOINTS } from "./api/own_endpoints.ts";
import { answerAdmin, answerOps, type Judges, MAX_PATH_BYTES } from "./api/pipeline.ts";
import { Router } from "./api/router.ts";
import { adminOf, type EnabledAdmin, modeOf, tokenOf } from "./table.ts";
import { Throttle } from "./api/throttle.ts";

export { type Endpoint, ENDPOINTS, STATUS_PARTS, type StatusPart } from "./api/endpoint.ts";
export { failure, type Outcome, outcomeIn } from "./calls.ts";
export { type Panel, PANELS } from "./dashboard/panel.ts";
export type { Inputs } from "./api/inputs.ts";

/** Room for a token, and for a target with the longest path and query. */
const LIMITS = { maxHeadBytes: 65_536, maxUriBytes: 24_576, maxFields: 128 } as const;

/** What a head that could not be read, or is too large, is answered with. */
const HEAD_CODES: ReadonlyMap<number, string> = new Map([
  [400, "bad_request"],
  [413, "body_too_large"],
  [431, "headers_too_large"],
  [505, "version_not_supported"],
]);

/** Serves the admin API. */
export const control: Service = {
  module: "admin",
  role: "control",
  extends: [
    ...OWN_ENDPOINTS.map((endpoint) => ENDPOINTS.entry(endpoint)),
    ...[overview, latency, refusals, certificates, snapshots, traffic].map((panel) =>
      PANELS.entry(panel)
    ),
  ],
  async start(context): Promise<RunningService> {
    const admin = adminOf(context.config);
    if (admin === undefined) throw new Error("the admin API is off");
    let names = controlHosts(context.config);
    const token = new Token(readToken(admin, context.files));
    const judges: Judges = {
      context,
      admin,
      token,
      throttle: new Throttle(admin.auth_throttle),
      router: new Router(context.extensions(ENDPOINTS)),
      dashboard: admin.dashboard ? new Dashboard(context.extensions(PANELS)) : undefined,
    };
    const tcp = new ControlListeners(
      context,
      program("the admin API", context, (exchange, rule) => answerAdmin(exchange, rule, judges)),
    );
    const ops = new ControlListeners(
      context,
      program("the ops socket", context, (exchange) => answerOps(exchange, judges)),
    );
    const close = () => {
      tcp.close();
      ops.close();
    };
    try {
      await tcp.open(admin.listen, "admin.listen", () => names);
      const { enabled, path } = admin.ops_socket;
      const key = "admin.ops_socket.path";
      if (enabled) await ops.open(`unix:${path}`, key, () => names, modeOf(admin.ops_socket));
    } catch (error) {
      close();
      throw error;
    }
    return {
      reload(config: ConfigPart, files: Files) {
        names = controlHosts(config);
        // The rest of the table is fixed at the start; what is in the file is not.
        token.replace(readToken(admin, files));
        return Promise.resolve();
      },
      stop() {
        close();
        return Promise.resolve();
      },
    };
  },
};

/** @throws when there is none, which is checked before this thread is started. */
function readToken({ token_env, token_file }: EnabledAdmin, files: Files): string {
  const content = token_file === undefined ? undefined : files.get(token_file);
  const text = content === undefined
    ? Deno.env.get(token_env ?? "") ?? ""
    : new TextDecoder().decode(content);
  const token = tokenOf(text);
  if (token === undefined) throw new Error("the admin API has no token");
  return token;
}

function program(
  subject: string,
  { log }: Pick<ServiceContext, "log">,
  answer: ControlProgram["answer"],
): ControlProgram {
  return {
    subject,
    limits: LIMITS,
    answer,
    refuse(exchange: HttpExchange, status: number) {
      if (status === 414) {
        const isPath = exchange.path === "" || exchange.path.length > MAX_PATH_BYTES;
        return refuse(exchange, status, isPath ? "path_too_large" : "query_too_large");
      }
      refuse(exchange, status, HEAD_CODES.get(status) ?? "bad_request");
    },
    fail(exchange, reason) {
      const text = reason instanceof Error ? reason.stack ?? reason.message : String(reason);
      log.log("error", "fluxheim", `${subject} has failed: ${text}`);
      answerFault(exchange);
    },
  };
}
