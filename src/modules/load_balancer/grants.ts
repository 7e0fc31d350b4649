/**
 * What pools need of the process, thread by thread: edge workers dial members, the balancer dials members and
 * sources, reads and writes the files of the pools, and runs the health program.
 *
 * @module
 */
import type { FileRequest, Grant, Permissions } from "../../gateway/module.ts";
import { splitAuthority } from "../../http/authority.ts";
import { endpointGrant, endpointOf } from "../proxy/module.ts";
import { rangeGrant } from "../../config/schema/member_range.ts";
import { canonicalAddress, type PoolTable } from "./table.ts";

/** Largest PEM file that is read. */
const MAX_PEM_BYTES = 1024 * 1024;

/** The grants of one pool. */
export function grantsOf(table: PoolTable): Permissions {
  const { proxy, key, kind } = table;
  const { load_balance: policy } = proxy;
  const { health_check: health, runtime_state_file: state } = policy;
  const net = [...members(table, "edge")];
  const read: Grant[] = [];
  const write: Grant[] = [];
  const run: Grant[] = [];
  const sys: Grant[] = [];
  const probes = health.enabled && health.protocol !== "exec";
  if (probes) {
    const port = health.protocol === "tcp" ? undefined : health.port_override;
    for (const grant of members(table, "balancer")) {
      net.push(
        port === undefined ? grant : {
          ...grant,
          value: withPort(grant.value, port),
          key: `${key}.load_balance.health_check.port_override`,
        },
      );
    }
  }
  if (kind === "file") {
    read.push({ value: proxy.upstreams_file!, key: `${key}.upstreams_file`, for: "balancer" });
  } else if (kind === "http") {
    const value = endpointGrant(endpointOf(proxy.upstreams_http_url!));
    net.push({ value, key: `${key}.upstreams_http_url`, for: "balancer" });
    const token = proxy.upstreams_http_bearer_token_file;
    if (token !== undefined) {
      read.push({ value: token, key: `${key}.upstreams_http_bearer_token_file`, for: "balancer" });
    }
  } else if (kind === "dns") {
    for (const [i, server] of proxy.upstream_dns_servers.entries()) {
      net.push({ value: server, key: `${key}.upstream_dns_servers[${i}]`, for: "balancer" });
    }
    if (proxy.upstream_dns_servers.length > 0) {
      // The runtime's resolver asks which families of addresses this machine has.
      sys.push({ value: "networkInterfaces", key: `${key}.upstream_dns_servers`, for: "balancer" });
    } else {
      for (const [i, entry] of proxy.upstreams.entries()) {
        if (canonicalAddress(entry) !== undefined) continue;
        const value = splitAuthority(entry)?.host ?? entry;
        net.push({ value, key: `${key}.upstreams[${i}]`, for: "balancer" });
      }
    }
  }
  if (state !== undefined) {
    const name = `${key}.load_balance.runtime_state_file`;
    for (const value of [state, `${state}.new`, `${state}.refused`]) {
      read.push({ value, key: name, for: "balancer" });
      write.push({ value, key: name, for: "balancer" });
    }
  }
  if (health.enabled && health.exec_command !== undefined) {
    const program = {
      value: health.exec_command,
      key: `${key}.load_balance.health_check.exec_command`,
    };
    run.push({ ...program, for: "balancer" });
    // Whose it is, and who may change it, is checked before it is run.
    read.push({ ...program, for: "keeper" });
  }
  return { net, read, write, run, sys };
}

/** Members that are named, else where they may lie. */
function* members(
  { proxy, key, kind }: PoolTable,
  role: "edge" | "balancer",
): Generator<Grant> {
  for (const [i, range] of proxy.load_balance.member_ranges.entries()) {
    yield { value: rangeGrant(range), key: `${key}.load_balance.member_ranges[${i}]`, for: role };
  }
  if (kind !== "static" && kind !== "dns") return;
  for (const [i, entry] of proxy.upstreams.entries()) {
    const value = canonicalAddress(entry);
    if (value !== undefined) yield { value, key: `${key}.upstreams[${i}]`, for: role };
  }
}

function withPort(value: string, port: number): string {
  return `${value.replace(/:\d+$/, "")}:${port}`;
}

/** Files of TLS to members, for probes that do as requests do. The keeper reads them. */
export function filesOf({ proxy, key }: PoolTable): FileRequest[] {
  if (!proxy.load_balance.health_check.enabled || !proxy.upstream_tls) return [];
  const files: FileRequest[] = [];
  const request = (path: string | undefined, name: string, isPrivateKey: boolean): void => {
    if (path === undefined) return;
    const common = { path, key: `${key}.${name}`, maxBytes: MAX_PEM_BYTES, isPrivateKey };
    files.push({ ...common, for: "balancer" });
  };
  request(proxy.upstream_ca_path, "upstream_ca_path", false);
  request(proxy.upstream_client_cert_path, "upstream_client_cert_path", false);
  request(proxy.upstream_client_key_path, "upstream_client_key_path", true);
  return files;
}
