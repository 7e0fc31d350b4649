/** Every protocol of active health checks. @module */
import type { HealthCheckConfig } from "../schema.ts";
import { mysql, postgres, redis } from "./database.ts";
import { exec } from "./exec.ts";
import { grpc } from "./grpc.ts";
import { http } from "./http.ts";
import type { ProbeProtocol } from "./probe.ts";
import { tcp } from "./tcp.ts";

const PROTOCOLS: readonly ProbeProtocol[] = [tcp, http, grpc, exec, redis, mysql, postgres];

/** @throws {Error} For a protocol that there is not: a fault of the caller. */
export function protocolOf(name: HealthCheckConfig["protocol"]): ProbeProtocol {
  const found = PROTOCOLS.find((protocol) => protocol.name === name);
  if (found === undefined) throw new Error(`no health check speaks ${name}`);
  return found;
}
