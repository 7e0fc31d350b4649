/**
 * An issuer of tests that does what a real one cannot be asked to: it issues for minutes, forgets, answers late, twice,
 * or with something else. It verifies no signatures; a real issuer does that in the tests of the whole gateway.
 *
 * @module
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { Buffer } from "node:buffer";
import { TestAuthority } from "../../../net/testing/certificates.ts";

/** A request as a rule sees it. */
export interface AcmeRequest {
  /** `newOrder`, `newAccount`, `order`, `authorization`, `challenge`, `finalize`, `certificate`, `renewalInfo`. */
  readonly kind: string;
  readonly payload: Record<string, unknown>;
  readonly order: FakeOrder | undefined;
}

/** An order. */
export interface FakeOrder {
  readonly id: number;
  readonly names: readonly string[];
  status: string;
  authorization: "pending" | "valid" | "invalid";
  certificate: string;
}

/** Answers in place of the issuer, or leaves it to it. */
export type Rule = (request: AcmeRequest) => Response | undefined;

/** How long certificates hold. */
export interface Life {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const DAY_MS = 86_400_000;

/** An issuer on a port of the system's choice. */
export class FakeIssuer implements AsyncDisposable {
  /** Requests in their order, by kind. */
  readonly seen: AcmeRequest[] = [];
  /** Asked first, in their order. */
  readonly rules: Rule[] = [];
  readonly #tls = new TestAuthority("Fake issuer");
  readonly #authority = new TestAuthority("Fake root");
  readonly #orders = new Map<number, FakeOrder>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #nonce = 0;
  #renewalInfo = false;
  /** Of the next certificate. */
  life: () => Life = () => ({
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 90 * DAY_MS),
  });
  /** Address of its terms of service. */
  terms: string | undefined;
  /** What is sent in place of a chain. */
  chain: (chain: string, order: FakeOrder) => string = (chain) => chain;

  constructor() {
    const { cert, key } = this.#tls.issue({ name: "fake.test", names: ["127.0.0.1"] });
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
      (request) => this.#answer(request),
    );
  }

  get ca(): string {
    return this.#tls.root;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#server.addr.port}`;
  }

  get directoryUrl(): string {
    return `${this.url}/directory`;
  }

  /** Offers renewal information, which a rule answers. */
  offerRenewalInfo(): void {
    this.#renewalInfo = true;
  }

  /** How many requests of a kind have come. */
  count(kind: string): number {
    return this.seen.filter((request) => request.kind === kind).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const [, kind, id = ""] = new URL(request.url).pathname.split("/");
    const body = request.method === "POST" ? await request.json() : undefined;
    const payload = decoded(body?.payload ?? "");
    const order = this.#orders.get(Number(id));
    const asked: AcmeRequest = { kind, payload, order };
    this.seen.push(asked);
    for (const rule of this.rules) {
      const answer = rule(asked);
      if (answer !== undefined) return this.#withNonce(answer);
    }
    return this.#withNonce(this.#own(asked, body));
  }

  #own({ kind, payload, order }: AcmeRequest, body: { readonly payload: string } | undefined) {
    switch (kind) {
      case "directory":
        return Response.json({
          newNonce: `${this.url}/newNonce`,
          newAccount: `${this.url}/newAccount`,
          newOrder: `${this.url}/newOrder`,
          ...(this.terms === undefined ? {} : { meta: { termsOfService: this.terms } }),
          ...(this.#renewalInfo ? { renewalInfo: `${this.url}/renewalInfo` } : {}),
        });
      case "newNonce":
        return new Response(null);
      case "newAccount":
        return Response.json({ status: "valid" }, {
          status: 201,
          headers: { location: `${this.url}/account/1` },
        });
      case "newOrder": {
        const identifiers = payload.identifiers as { value: string }[];
        const made: FakeOrder = {
          id: this.#orders.size + 1,
          names: identifiers.map(({ value }) => value),
          status: "pending",
          authorization: "pending",
          certificate: "",
        };
        this.#orders.set(made.id, made);
        return this.orderAnswer(made, 201);
      }
    }
    if (order === undefined) return problem(404, "malformed", "no such thing");
    switch (kind) {
      case "order":
        return this.orderAnswer(order);
      case "authorization":
        return Response.json({
          status: order.authorization,
          identifier: { type: "dns", value: order.names[0] },
          challenges: [{
            type: "http-01",
            url: `${this.url}/challenge/${order.id}`,
            token: `token-${order.id}`,
          }],
        });
      case "challenge":
        if (body?.payload !== "") {
          order.authorization = "valid";
          order.status = "ready";
        }
        return Response.json({});
      case "finalize":
        order.certificate = this.certify(order, String(payload.csr));
        order.status = "valid";
        return this.orderAnswer(order);
      case "certificate":
        return new Response(this.chain(order.certificate, order), {
          headers: { "content-type": "application/pem-certificate-chain" },
        });
      default:
        return problem(404, "malformed", "no such thing");
    }
  }

  /** A certificate for what a request asks for. */
  certify({ names }: FakeOrder, csr: string): string {
    const key = keyIn(Buffer.from(csr, "base64url"));
    return this.#authority.certify(key, { name: names[0], names, ...this.life() }, ISSUER_KEY);
  }

  /** What it says of an order. */
  orderAnswer(order: FakeOrder, status = 200, headers: Record<string, string> = {}): Response {
    const { id } = order;
    return Response.json({
      status: order.status,
      authorizations: [`${this.url}/authorization/${id}`],
      finalize: `${this.url}/finalize/${id}`,
      ...(order.status === "valid" ? { certificate: `${this.url}/certificate/${id}` } : {}),
    }, { status, headers: { location: `${this.url}/order/${id}`, ...headers } });
  }

  #withNonce(response: Response): Response {
    response.headers.set("replay-nonce", `nonce-${++this.#nonce}`);
    return response;
  }
}

const ISSUER_KEY = Uint8Array.of(1, 2, 3, 4);

/** A problem document. */
export function problem(
  status: number,
  type: string,
  detail: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail }), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}

function decoded(payload: string): Record<string, unknown> {
  return payload === "" ? {} : JSON.parse(Buffer.from(payload, "base64url").toString());
}

/** The public key of a signing request: the third part of its first one. */
function keyIn(der: Uint8Array): KeyObject {
  const outer = valueAt(der, 0);
  const body = valueAt(der, outer.start);
  const version = valueAt(der, body.start);
  const subject = valueAt(der, version.end);
  const key = valueAt(der, subject.end);
  const spki = Buffer.from(der.subarray(subject.end, key.end));
  return createPublicKey({ key: spki, format: "der", type: "spki" });
}

function valueAt(der: Uint8Array, at: number): { readonly start: number; readonly end: number } {
  const first = der[at + 1];
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  let length = 0;
  for (let i = 0; i < first - 0x80; i++) length = length * 256 + der[at + 2 + i];
  const start = at + 2 + first - 0x80;
  return { start, end: start + length };
}
