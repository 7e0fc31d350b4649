/** Members from a list that a service has, as JSON (spec 03 section 15.3). @module */
import { ClientError } from "../../../http/client.ts";
import { Fields } from "../../../http/fields.ts";
import { type Endpoint, endpointOf, type Service } from "../../proxy/edge.ts";
import { readSmall } from "./file.ts";
import { membersOf } from "./list.ts";
import { isRestrictedMember } from "./restricted.ts";
import { DiscoveryError, type Source } from "./source.ts";

/** Longest time for the whole answer, and its largest body. */
export const SOURCE_MS = 5_000;
/** Largest body of an answer. */
export const MAX_LIST_BYTES = 64 * 1024;
const MAX_TOKEN_BYTES = 4096;

/** What a list is asked for with. */
export interface HttpSourceOptions {
  readonly url: string;
  readonly tokenFile: string | undefined;
  readonly allowsPrivate: boolean;
  readonly serviceAt: (endpoint: Endpoint) => Service;
}

/** A service with a list of members. */
export function httpSource(
  { url, tokenFile, allowsPrivate, serviceAt }: HttpSourceOptions,
): Source {
  const endpoint = endpointOf(url);
  const service = serviceAt(endpoint);
  return {
    async members() {
      const fields = Fields.of(["accept", "application/json"], ["cache-control", "no-store"]);
      if (tokenFile !== undefined) fields.append("authorization", `Bearer ${tokenIn(tokenFile)}`);
      const { path: target, authority } = endpoint;
      try {
        const { status, fields: answered, body } = await service.ask({
          method: "GET",
          target,
          authority,
          fields,
        });
        if (status !== 200) throw new DiscoveryError(`the service answered ${status}`);
        if (!isJson(answered.get("content-type"))) {
          throw new DiscoveryError("the answer is not JSON");
        }
        const addresses = parseList(body);
        const wrong = allowsPrivate ? undefined : addresses.find(isRestrictedMember);
        if (wrong !== undefined) {
          throw new DiscoveryError(`${wrong} is a private or reserved address`);
        }
        return { addresses };
      } catch (error) {
        if (error instanceof ClientError) throw new DiscoveryError(error.message);
        throw error;
      }
    },
  };
}

function isJson(type: string | undefined): boolean {
  return type === undefined || /^application\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i.test(type);
}

/** @throws {DiscoveryError} */
function parseList(body: Uint8Array): string[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new DiscoveryError("the answer cannot be read as JSON");
  }
  const list: unknown = Array.isArray(value) || value === null || typeof value !== "object"
    ? value
    : Reflect.get(value, "upstreams");
  if (!Array.isArray(list)) throw new DiscoveryError("the answer has no list of members");
  return membersOf(list.map((entry: unknown, i) => {
    const place = `entry ${i + 1}`;
    if (typeof entry !== "string") throw new DiscoveryError(`${place} is not a text`);
    return { text: entry.trim(), place };
  }));
}

function tokenIn(path: string): string {
  const token = readSmall(path, MAX_TOKEN_BYTES).trim();
  if (token === "" || /[^!-~]/.test(token)) {
    throw new DiscoveryError("the token file holds no token");
  }
  return token;
}
