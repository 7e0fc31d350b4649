/**
 * What a fill asks the upstream: the same for every client that has its key, so that no client can put into a
 * stored answer what the key does not have (spec 04 section 17, pitfalls A1 and A2).
 *
 * @module
 */
import { ClientRequest } from "../../../http/client.ts";
import { Fields, type ReadonlyFields } from "../../../http/fields.ts";
import type { RequestPolicy } from "../../headers/edge.ts";
import { canonicalAuthority, type Identity } from "../key/key.ts";

/** Fields by which a client may make an upstream answer for another target, or as another client. */
const OVERRIDES: ReadonlySet<string> = new Set([
  "cf-connecting-ip",
  "client-ip",
  "fastly-client-ip",
  "forwarded",
  "forwarded-for",
  "front-end-https",
  "true-client-ip",
  "x-backend-host",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-fluxheim-peer-fill",
  "x-forwarded",
  "x-host",
  "x-http-destinationurl",
  "x-http-host-override",
  "x-http-method",
  "x-http-method-override",
  "x-method",
  "x-method-override",
  "x-original-forwarded-for",
  "x-original-host",
  "x-original-method",
  "x-original-uri",
  "x-original-url",
  "x-override-url",
  "x-proxyuser-ip",
  "x-real-ip",
  "x-remote-addr",
  "x-remote-ip",
  "x-rewrite-uri",
  "x-rewrite-url",
  "x-scheme",
  "x-url-scheme",
]);

const FORWARDED = "x-forwarded-";

/** Conditions and ranges of the client: they are applied to what is stored. */
const CONDITIONS: ReadonlySet<string> = new Set([
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
]);

function isOverride(name: string): boolean {
  const plain = name.includes("_") || name.includes(".") ? name.replace(/[_.]/g, "-") : name;
  return OVERRIDES.has(plain) || plain.startsWith(FORWARDED);
}

/** The request of a fill. */
export function fillRequest(
  request: ClientRequest,
  identity: Identity,
  policy: RequestPolicy,
  clientsAuthority: string,
): ClientRequest {
  const { names, values } = request.fields;
  const fields = new Fields();
  const authority = canonicalAuthority(identity);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (CONDITIONS.has(name)) continue;
    if (!isOverride(name) || policy.writes.has(name)) fields.append(name, values[i]);
    else if (name === "x-forwarded-host") fields.append(name, authority);
    else if (name === "x-forwarded-proto") fields.append(name, identity.scheme);
  }
  // A host that the policy sets is the same for all already, or it is among the fields of the variance.
  const asked = request.authority === clientsAuthority ? authority : request.authority;
  return new ClientRequest(
    request.method,
    request.target,
    request.scheme,
    asked,
    fields,
    undefined,
    undefined,
  );
}

/** The same request with other fields. */
export function withFields(request: ClientRequest, fields: ReadonlyFields): ClientRequest {
  const { method, target, scheme, authority } = request;
  return new ClientRequest(method, target, scheme, authority, fields, undefined, undefined);
}

/** Asks whether a stored object is still right. */
export function conditional(
  request: ClientRequest,
  etag: string | undefined,
  lastModified: string | undefined,
): ClientRequest {
  const fields = new Fields(request.fields.names.slice(), request.fields.values.slice());
  if (etag !== undefined) fields.append("if-none-match", etag);
  else if (lastModified !== undefined) fields.append("if-modified-since", lastModified);
  return withFields(request, fields);
}

/** Without what belongs to the client that happens to be the first: for work of the gateway's own. */
export function impersonal(request: ClientRequest): ClientRequest {
  const fields = new Fields(request.fields.names.slice(), request.fields.values.slice());
  fields.delete("cookie");
  fields.delete("authorization");
  return withFields(request, fields);
}
