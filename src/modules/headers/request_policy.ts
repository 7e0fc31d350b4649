/**
 * The fields an upstream gets: the client's own, less what must not pass, and what the policy of the
 * scope adds (spec 02 section 6.1). This runs once for every proxied request, so everything that does
 * not depend on the request is worked out when it is compiled, and the client's fields are gone through
 * once.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { readAuthority } from "../../http/authority.ts";
import { trimBlanks } from "../../http/chars.ts";
import { Fields, type ReadonlyFields } from "../../http/fields.ts";
import type { TrustedPeers } from "../../net/trusted_peers.ts";
import {
  CLIENT_ADDRESS_FIELDS,
  dashed,
  HOP_BY_HOP_FIELDS,
  LIST_FIELDS,
  mayBeDisguised,
  VIA,
} from "./field_names.ts";
import { AUTHORIZED, type Authorized } from "./authorized.ts";
import type { RequestSettings } from "./merge.ts";
import { schemeOf, ValueTemplate } from "./template.ts";

/** What a policy is compiled from, beside its settings. */
export interface RequestPolicyContext {
  /** Peers whose `X-Forwarded-For` is carried on by `append`. */
  readonly trustedProxies: TrustedPeers;
  /** Field in which trusted peers name the client; `X-Forwarded-For` unless given. */
  readonly realIpHeader?: string;
  /** Field of the request id, lower case; `undefined` where ids are off. */
  readonly requestIdField: string | undefined;
  /**
   * The privacy profile: no client address leaves this gateway in any field, whatever is configured
   * (spec 01 section 9).
   */
  readonly zeroRetention: boolean;
  /** The gateway takes part in traces: `traceparent` and `tracestate` are its own. */
  readonly tracing?: boolean;
}

/** What happens to a client's field, by name; names that are not in the table are copied. */
const DROP = 0;
const CONNECTION = -1;
const VIA_CHAIN = -2;
/** Positive numbers are bits of fields whose lines are joined into one; the lowest is `Cookie`. */
const COOKIE = 1;

/** Between the values of fields whose lines are joined. */
const SEPARATORS: ReadonlyMap<string, string> = new Map([
  ["cookie", "; "],
  ...LIST_FIELDS.map((name) => [name, ", "] as const),
]);

/** A field that the policy writes; rendered for each request unless it is the same for all. */
interface Written {
  readonly name: string;
  readonly constant: string | undefined;
  readonly template: ValueTemplate;
}

/** Fields the gateway takes out of every request: its codecs write their own. */
const FRAMING_FIELDS = ["host", "content-length", "expect", "http2-settings"];

/** The compiled `headers.request` of one scope. */
export class RequestPolicy {
  /** Whether a client's own copies of `CLIENT_ADDRESS_FIELDS` are taken out. */
  readonly stripsClientAddress: boolean;
  readonly #actions = new Map<string, number>();
  readonly #settings: RequestSettings;
  readonly #context: RequestPolicyContext;
  readonly #requestIdField: string | undefined;
  readonly #traceparent: boolean;
  readonly #tracestate: boolean;
  readonly #realIp: boolean;
  readonly #forwardedFor: boolean;
  readonly #forwardedHost: boolean;
  readonly #forwardedProto: boolean;
  readonly #forwarded: boolean;
  readonly #set: readonly Written[];
  readonly #append: readonly Written[];
  /** The policy writes `Via` itself, as the beginning of the chain. */
  readonly #writesVia: boolean;
  readonly #host: ValueTemplate | undefined;

  /** Names that the policy sets or appends itself. */
  readonly writes: ReadonlySet<string>;
  /** Those of them whose values depend on the request, and on more than its id. */
  readonly varying: readonly string[];

  constructor(settings: RequestSettings, context: RequestPolicyContext) {
    this.#settings = settings;
    const edits = settings.enabled ? [...settings.set, ...settings.append] : [];
    this.writes = new Set(edits.map(([name]) => name));
    const variable = edits.filter(([, value]) =>
      value.replaceAll("{request_id}", "").includes("{")
    );
    this.varying = [...new Set(variable.map(([name]) => name))].filter((name) => name !== "host");
    this.#context = context;
    const { zeroRetention, requestIdField } = context;
    const { enabled, unset, set } = settings;
    this.stripsClientAddress = (enabled && settings.stripClientAddress) || zeroRetention;
    // Written by the policy: enabled, and not deleted or replaced by a later step of it.
    const writes = (name: string, on: boolean) =>
      on && enabled && !unset.has(name) && !set.has(name);
    const writesAddress = (name: string, on: boolean) => writes(name, on && !zeroRetention);
    this.#realIp = writesAddress("x-real-ip", settings.xRealIp);
    this.#forwardedFor = writesAddress("x-forwarded-for", settings.xForwardedFor !== "off");
    this.#forwarded = writesAddress("forwarded", settings.forwarded);
    this.#forwardedHost = writes("x-forwarded-host", settings.xForwardedHost);
    this.#forwardedProto = writes("x-forwarded-proto", settings.xForwardedProto);
    const writesTrace = (name: string) =>
      context.tracing === true && (!enabled || (!unset.has(name) && !set.has(name)));
    this.#traceparent = writesTrace("traceparent");
    this.#tracestate = writesTrace("tracestate");
    const keepsId = requestIdField !== undefined &&
      (!enabled || (!unset.has(requestIdField) && !set.has(requestIdField)));
    this.#requestIdField = keepsId ? requestIdField : undefined;

    const isHidden = zeroRetention ? disclosesAddress : undefined;
    const written = ([name, value]: readonly [string, string]): Written => {
      const template = new ValueTemplate(value, isHidden);
      return { name, constant: template.constant, template };
    };
    const passes = ([name]: readonly [string, string]) =>
      enabled && !HOP_BY_HOP_FIELDS.includes(name) && !FRAMING_FIELDS.includes(name) &&
      !(zeroRetention && CLIENT_ADDRESS_FIELDS.includes(name));
    this.#set = [...set].filter(passes).map(written);
    this.#append = settings.append.filter(passes).map(written);
    this.#writesVia = [...this.#set, ...this.#append].some(({ name }) => name === "via");
    const host = enabled ? set.get("host") : undefined;
    this.#host = host === undefined ? undefined : new ValueTemplate(host, isHidden);
    this.#compileActions();
  }

  /**
   * Writes the fields for the upstream into `into`, which is empty. `Host` is not one of them: see
   * {@linkcode RequestPolicy.authority}.
   */
  apply(exchange: Exchange, into: Fields): void {
    const { names, values } = exchange.request;
    const outNames = into.names;
    const outValues = into.values;
    const actions = this.#actions;
    const authorized = AUTHORIZED.of(exchange);
    const removes = authorized?.removes;
    let seen = 0;
    let via = "";
    let listed: string[] | undefined;
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      const action = actions.get(name);
      if (action === undefined || action > 0) {
        if (removes !== undefined && removes.has(name)) continue;
        if (action === undefined && mayBeDisguised(name) && this.#isDisguised(name, removes)) {
          continue;
        }
        if (action !== undefined) {
          if ((seen & action) !== 0) {
            join(into, name, action === COOKIE ? "; " : ", ", values[i]);
            continue;
          }
          seen |= action;
        }
        outNames.push(name);
        outValues.push(values[i]);
      } else if (action === VIA_CHAIN) {
        via += values[i] + ", ";
      } else if (action === CONNECTION) {
        listed = listedNames(values[i], listed);
      }
    }
    if (listed !== undefined) {
      // Only the client's own fields: it must not remove what the gateway reports to the upstream.
      for (const name of listed) into.delete(name);
    }
    if (authorized !== undefined) this.#addAuthorized(authorized, into);
    this.#addGenerated(exchange, into);
    for (const { name, constant, template } of this.#set) {
      const value = constant ?? template.render(exchange);
      if (value !== "") into.append(name, value);
    }
    for (const { name, constant, template } of this.#append) {
      const value = constant ?? template.render(exchange);
      if (value !== "") addLine(into, name, value);
    }
    const own = this.#writesVia ? takeVia(into) : "";
    into.append("via", via + own + VIA);
  }

  /**
   * The trailer fields for the upstream: what a client may not send on in its head, it may not send on after
   * its body. Applications merge the two.
   *
   * @returns `undefined` when none is left.
   */
  trailers(exchange: Exchange, { names, values }: ReadonlyFields): Fields | undefined {
    const removes = AUTHORIZED.of(exchange)?.removes;
    let kept: Fields | undefined;
    for (let i = 0; i < names.length; i++) {
      if (!this.#mayTrail(names[i], removes)) continue;
      kept ??= new Fields();
      kept.append(names[i], values[i]);
    }
    return kept;
  }

  #mayTrail(name: string, removes: ReadonlySet<string> | undefined): boolean {
    const action = this.#actions.get(name);
    if (removes?.has(name) === true) return false;
    if (action !== undefined) return action > 0;
    return !mayBeDisguised(name) || !this.#isDisguised(name, removes);
  }

  /** `Host` or `:authority` for the upstream: the client's own, unless the policy sets another. */
  authority(exchange: Exchange): string {
    if (this.#host === undefined) return exchange.authority;
    const host = this.#host.render(exchange);
    // Made of request values, it may be anything; what is not a host is not sent as one.
    return readAuthority(host)?.text ?? exchange.authority;
  }

  /** Whether a name with `_` is another spelling of one that a client may not send on. */
  #isDisguised(name: string, removes: ReadonlySet<string> | undefined): boolean {
    const plain = dashed(name);
    const action = this.#actions.get(plain);
    return (action !== undefined && action <= 0) || removes?.has(plain) === true;
  }

  #compileActions(): void {
    const { enabled, unset, set } = this.#settings;
    const actions = this.#actions;
    actions.set("cookie", COOKIE);
    LIST_FIELDS.forEach((name, i) => actions.set(name, COOKIE << (i + 1)));
    actions.set("via", VIA_CHAIN);
    const drop = (name: string) => actions.set(name, DROP);
    // What the gateway writes is its word in either spelling.
    const own = (name: string) => [name, dashed(name)].forEach(drop);
    HOP_BY_HOP_FIELDS.forEach(drop);
    FRAMING_FIELDS.forEach(drop);
    if (this.stripsClientAddress) {
      CLIENT_ADDRESS_FIELDS.forEach(drop);
      if (this.#context.realIpHeader !== undefined) own(this.#context.realIpHeader);
    }
    if (this.#requestIdField !== undefined) own(this.#requestIdField);
    if (this.#context.tracing === true) ["traceparent", "tracestate"].forEach(own);
    if (enabled) {
      drop("x-forwarded-for");
      if (this.#settings.xRealIp) drop("x-real-ip");
      if (this.#settings.xForwardedHost) drop("x-forwarded-host");
      if (this.#settings.xForwardedProto) drop("x-forwarded-proto");
      if (this.#settings.forwarded) drop("forwarded");
      unset.forEach(drop);
      for (const name of set.keys()) own(name);
    }
    actions.set("connection", CONNECTION);
  }

  /** What an auth service said, before the policy, which goes before it (spec 02 section 9.8). */
  #addAuthorized({ fields }: Authorized, into: Fields): void {
    for (const [name, value] of fields) {
      const action = this.#actions.get(name);
      if (action === undefined || action > 0) addLine(into, name, value);
    }
  }

  #addGenerated(exchange: Exchange, into: Fields): void {
    const { clientAddress, authority } = exchange;
    if (this.#requestIdField !== undefined && exchange.requestId !== "") {
      into.append(this.#requestIdField, exchange.requestId);
    }
    const { trace } = exchange;
    if (trace !== undefined) {
      if (this.#traceparent) into.append("traceparent", trace.traceparent);
      if (this.#tracestate && trace.state !== "") into.append("tracestate", trace.state);
    }
    if (this.#realIp && clientAddress !== "") into.append("x-real-ip", clientAddress);
    if (this.#forwardedFor) {
      const chain = this.#settings.xForwardedFor === "append"
        ? this.#chain(exchange)
        : clientAddress;
      if (chain !== "") into.append("x-forwarded-for", chain);
    }
    if (this.#forwardedHost && authority !== "") into.append("x-forwarded-host", authority);
    if (this.#forwardedProto) into.append("x-forwarded-proto", schemeOf(exchange));
    if (this.#forwarded) into.append("forwarded", forwarded(exchange));
  }

  /** What a trusted peer says about the way so far, and the peer itself. */
  #chain({ connection, request }: Exchange): string {
    const { peerAddress } = connection;
    const chain = this.#context.trustedProxies.hasPeer(connection)
      ? request.joined("x-forwarded-for")
      : undefined;
    if (chain === undefined || chain === "") return peerAddress;
    // The peer of a unix socket has no address to add.
    return peerAddress === "" ? chain : `${chain}, ${peerAddress}`;
  }
}

/** RFC 7239 section 4; a host that would break out of its quotes is left out. */
function forwarded(exchange: Exchange): string {
  const { clientAddress, authority } = exchange;
  let node = "unknown";
  if (clientAddress !== "") node = clientAddress;
  if (node.includes(":")) node = `"[${node}]"`;
  const host = authority === "" || /["\\]/.test(authority) ? "" : `;host="${authority}"`;
  return `for=${node}${host};proto=${schemeOf(exchange)}`;
}

/** Whether a variable would disclose a client's address, also one of a field in its other spelling. */
function disclosesAddress(variable: string): boolean {
  const name = variable.toLowerCase();
  return name === "remote_addr" ||
    (name.startsWith("http.") &&
      CLIENT_ADDRESS_FIELDS.includes(dashed(name.slice("http.".length))));
}

/** Adds a line, to the one that is there where the field is one whose lines are joined. */
function addLine(into: Fields, name: string, value: string): void {
  const separator = SEPARATORS.get(name);
  if (separator !== undefined && into.has(name)) join(into, name, separator, value);
  else into.append(name, value);
}

function join(into: Fields, name: string, separator: string, value: string): void {
  into.values[into.names.indexOf(name)] += separator + value;
}

/** Names that a `Connection` line lists, added to those of the lines before it. */
function listedNames(value: string, listed: string[] | undefined): string[] | undefined {
  // What nearly every client sends needs no look.
  if (value === "keep-alive" || value === "Keep-Alive" || value === "close") return listed;
  const names = value.toLowerCase().split(",").map(trimBlanks);
  return listed === undefined ? names : [...listed, ...names];
}

/** Takes out what the policy itself wrote into `Via`, as the beginning of a chain. */
function takeVia(into: Fields): string {
  const own = into.joined("via");
  into.delete("via");
  return own === undefined ? "" : `${own}, `;
}
