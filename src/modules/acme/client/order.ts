/**
 * One order from its beginning to its certificate (RFC 8555 section 7), by the status that the issuer reports and
 * not by the steps that were made: one that a process has left is taken up where it is.
 *
 * @module
 */
import type { KeyObject } from "node:crypto";
import { Buffer } from "node:buffer";
import { AcmeError, problemIn, shown } from "./acme_error.ts";
import { signingRequest } from "./csr.ts";
import type { Answer, IssuerClient, Signer } from "./issuer_client.ts";

/** First pause between two looks at something that is not ready, then doubled. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;
/** Longest that an attempt waits for names to be validated, and again for the certificate; then it is taken up later. */
const MAX_WAIT_MS = 60_000;
/** Most names of one order. */
const MAX_NAMES = 100;

/** An order as the issuer reports it. */
interface Order {
  readonly url: string;
  readonly status: string;
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate: string | undefined;
  readonly problem: string;
  readonly retryAt: number;
}

/** A challenge that can be answered. */
export interface Challenge {
  readonly domain: string;
  readonly token: string;
  /** `<token>.<thumbprint>`. */
  readonly keyAuthorization: string;
}

/** What an order works with. */
export interface OrderContext {
  readonly client: IssuerClient;
  readonly account: Signer & { readonly id: string };
  readonly domains: readonly string[];
  /** Of the certificate. */
  readonly key: KeyObject;
  /** Type of challenge: `http-01`. */
  readonly challengeType: string;
  /** URL of an order that was begun before. */
  readonly begun?: string;
  /** Id of the certificate that this one replaces (RFC 9773 section 5). */
  readonly replaces?: string;
  /** The order has this URL: to be remembered before anything else is done. */
  onOrder(url: string | undefined): void;
  /** Makes it possible to answer a challenge; the issuer is asked to look afterwards. */
  publish(challenge: Challenge): Promise<void>;
  /** Waits until what was published can be seen. */
  settle(): Promise<void>;
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** The order waits for its issuer longer than an attempt does; the next one takes it up. */
export class OrderPending extends AcmeError {}

/** @returns The certificate and its chain, PEM, as the issuer sent it. */
export async function runOrder(context: OrderContext): Promise<string> {
  let order = await beginOrder(context);
  if (order.status === "pending") {
    await authorize(context, order);
    order = await settled(context, order.url, ["pending"]);
  }
  if (order.status === "ready") {
    const ready = order;
    order = await judged(context, () => finalize(context, ready));
  }
  if (order.status === "processing") order = await settled(context, order.url, ["processing"]);
  if (order.status !== "valid" || order.certificate === undefined) {
    context.onOrder(undefined);
    const why = order.problem === "" ? "" : `: ${order.problem}`;
    throw new AcmeError(`the order has become ${shown(order.status)}${why}`);
  }
  const { certificate } = order;
  return (await judged(context, () => context.client.post(certificate, "", context.account))).text;
}

/** An order whose next step the issuer has refused for good is not taken up again: each attempt would end there. */
async function judged<T>(context: OrderContext, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof AcmeError && error.isFinal) context.onOrder(undefined);
    throw error;
  }
}

async function beginOrder(context: OrderContext): Promise<Order> {
  const { client, account, begun, onOrder } = context;
  if (begun !== undefined) {
    const order = await resumed(context, begun);
    if (order !== undefined && order.status !== "invalid") return order;
    onOrder(undefined);
  }
  const identifiers = context.domains.map((value) => ({ type: "dns", value }));
  const { newOrder, renewalInfo } = await client.directory();
  // An issuer without renewal information need not know the field.
  const replaces = renewalInfo === undefined ? undefined : context.replaces;
  let answer: Answer;
  try {
    const extra = replaces === undefined ? {} : { replaces };
    answer = await client.post(newOrder, { identifiers, ...extra }, account);
  } catch (error) {
    const isRefused = error instanceof AcmeError && error.isFinal;
    if (replaces === undefined || !isRefused) throw error;
    answer = await client.post(newOrder, { identifiers }, account);
  }
  if (answer.location === undefined) throw new AcmeError("its answer to an order has no location");
  const order = orderIn(answer, answer.location);
  onOrder(order.url);
  return order;
}

/** `undefined` for one that the issuer has forgotten. */
async function resumed({ client, account }: OrderContext, url: string): Promise<Order | undefined> {
  try {
    return orderIn(await client.post(url, "", account), url);
  } catch (error) {
    if (error instanceof AcmeError && error.isFinal) return undefined;
    throw error;
  }
}

/** Publishes what is asked for, has it looked at, and waits until no name is left. */
async function authorize(context: OrderContext, order: Order): Promise<void> {
  const { client, account, publish } = context;
  const asked: { readonly url: string; readonly challenge: string }[] = [];
  for (const url of order.authorizations) {
    const { json = {} } = await client.post(url, "", account);
    if (json.status === "valid") continue;
    if (json.status !== "pending") {
      context.onOrder(undefined);
      throw new AcmeError(failureOf(context, json));
    }
    const challenge = challengeIn(context, json);
    await publish(challenge);
    asked.push({ url, challenge: challenge.url });
  }
  if (asked.length > 0) await context.settle();
  for (const { challenge } of asked) await client.post(challenge, {}, account);
  const deadline = context.now() + MAX_WAIT_MS;
  for (const { url } of asked) {
    for (let pause = FIRST_PAUSE_MS;; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      const { json = {}, retryAt } = await client.post(url, "", account);
      if (json.status === "valid") break;
      if (json.status !== "pending") {
        context.onOrder(undefined);
        throw new AcmeError(failureOf(context, json));
      }
      await pauseFor(context, pause, retryAt, deadline, "its names are still being validated");
    }
  }
}

/** A new order is ready sooner or later than its last authorization says. */
async function finalize(context: OrderContext, order: Order): Promise<Order> {
  const csr = Buffer.from(signingRequest(context.key, context.domains)).toString("base64url");
  const deadline = context.now() + MAX_WAIT_MS;
  for (let pause = FIRST_PAUSE_MS;; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    try {
      const answer = await context.client.post(order.finalize, { csr }, context.account);
      const next = orderIn(answer, order.url);
      if (next.status === "processing" && next.retryAt > 0) {
        await pauseFor(context, 0, next.retryAt, deadline, "the certificate is still being made");
      }
      return next;
    } catch (error) {
      if (!(error instanceof AcmeError) || error.type !== "orderNotReady") throw error;
      await pauseFor(context, pause, error.retryAt, deadline, "the order is not ready yet");
    }
  }
}

/** Waits until the order has left the states in `waits`. */
async function settled(
  context: OrderContext,
  url: string,
  waits: readonly string[],
): Promise<Order> {
  const deadline = context.now() + MAX_WAIT_MS;
  for (let pause = FIRST_PAUSE_MS;; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    const order = orderIn(await context.client.post(url, "", context.account), url);
    if (!waits.includes(order.status)) return order;
    await pauseFor(context, pause, order.retryAt, deadline, `the order is still ${order.status}`);
  }
}

/** @throws {OrderPending} When the pause would end after `deadline`. */
async function pauseFor(
  { now, sleep }: OrderContext,
  pauseMs: number,
  retryAt: number,
  deadline: number,
  why: string,
): Promise<void> {
  const until = Math.max(now() + pauseMs, retryAt);
  if (until > deadline) throw new OrderPending(`${why}; the next attempt goes on`, "", 0, retryAt);
  await sleep(Math.max(0, until - now()));
}

function orderIn({ json = {}, retryAt }: Answer, url: string): Order {
  const { status, authorizations, finalize, certificate, error } = json;
  if (typeof status !== "string" || !Array.isArray(authorizations)) {
    throw new AcmeError("its answer about an order is not one");
  }
  if (authorizations.length > MAX_NAMES) {
    throw new AcmeError("an order has too many authorizations");
  }
  const problem = problemIn(error);
  return {
    url,
    status,
    authorizations: authorizations.map(String),
    finalize: String(finalize),
    certificate: typeof certificate === "string" ? certificate : undefined,
    problem: [problem.type, problem.detail].filter((word) => word !== "").join(": "),
    retryAt,
  };
}

function challengeIn(
  { challengeType, account, domains }: OrderContext,
  { identifier, challenges, wildcard }: Readonly<Record<string, unknown>>,
): Challenge & { readonly url: string } {
  const name = nameIn(identifier);
  const domain = wildcard === true ? `*.${name}` : name;
  if (!domains.includes(domain)) {
    throw new AcmeError(`it asks for a proof of ${shown(domain)}, which was not ordered`);
  }
  const offered = Array.isArray(challenges) ? challenges : [];
  const found = offered.find((one) => one?.type === challengeType);
  if (found === undefined) {
    const types = offered.map((one) => shown(String(one?.type))).join(", ");
    throw new AcmeError(`it offers no ${challengeType} for ${domain}${types && `, but ${types}`}`);
  }
  const { token, url } = found;
  if (typeof token !== "string" || !/^[A-Za-z0-9_-]{1,256}$/.test(token)) {
    throw new AcmeError(`the token of ${domain} is not base64url`);
  }
  return {
    domain,
    token,
    keyAuthorization: `${token}.${account.key.thumbprint}`,
    url: String(url),
  };
}

function failureOf(
  { challengeType }: OrderContext,
  { identifier, challenges, status }: Readonly<Record<string, unknown>>,
): string {
  const list = Array.isArray(challenges) ? challenges : [];
  const tried = list.find((one) => one?.type === challengeType && one?.error !== undefined) ??
    list.find((one) => one?.error !== undefined);
  const { type, detail } = problemIn(tried?.error);
  const why = [type, detail].filter((word) => word !== "").join(": ");
  return `${shown(nameIn(identifier))} could not be proven (${shown(String(status))})` +
    (why === "" ? "" : `: ${why}`);
}

function nameIn(identifier: unknown): string {
  const value: unknown = typeof identifier === "object" && identifier !== null
    ? Reflect.get(identifier, "value")
    : undefined;
  return typeof value === "string" ? value.toLowerCase() : "";
}
