/** A renewer of tests with its storage, its issuer and a clock of its own. @module */
import { newDirectory } from "../../../config/testing/files.ts";
import type { Challenge } from "../client/order.ts";
import { Renewer } from "../renewer.ts";
import { acmeSchema } from "../schema.ts";
import { makeStorage } from "../store/files.ts";
import type { EnabledAcme, Target } from "../table.ts";
import { FakeIssuer } from "./fake_issuer.ts";

export const HOUR = 3600;
export const DAY = 86_400;

/** One process with a storage, an issuer, and a clock that only sleeping and a test move. */
export class Fixture implements AsyncDisposable {
  readonly issuer = new FakeIssuer();
  readonly directory = newDirectory();
  readonly published: Challenge[] = [];
  readonly slept: number[] = [];
  /** Milliseconds that the clock is ahead. */
  ahead = 0;
  renewer: Renewer;
  readonly target: Target;
  readonly #acme: EnabledAcme;

  constructor(keys: Record<string, unknown> = {}) {
    const storage = `${this.directory}/acme`;
    makeStorage(storage);
    const acme = acmeSchema.parse({
      enabled: true,
      storage,
      contact_email: "a@shop.test",
      default_issuer: "fake",
      issuers: [{ name: "fake", directory_url: this.issuer.directoryUrl }],
      ...keys,
    });
    this.#acme = { ...acme, storage, contact_email: "a@shop.test" };
    this.target = {
      vhost: "shop",
      key: "vhosts[0].tls.acme",
      domains: ["shop.test"],
      issuer: { name: "fake", directoryUrl: this.issuer.directoryUrl },
      challenge: "http-01",
      directory: `${storage}/certificates/shop`,
    };
    this.renewer = this.restart();
  }

  /** Another process with the same storage. */
  restart(signal?: AbortSignal): Renewer {
    return this.renewer = new Renewer({
      signal,
      acme: this.#acme,
      publish: (_, challenge) => Promise.resolve(void this.published.push(challenge)),
      withdraw: (_, challenge) => {
        this.published.splice(this.published.indexOf(challenge), 1);
        return Promise.resolve();
      },
      ca: () => this.issuer.ca,
      now: () => Date.now() + this.ahead,
      sleep: (ms) => {
        this.slept.push(ms);
        this.ahead += ms;
        // Others have their turn: a wait for another process would else never end.
        return new Promise((resolve) => setTimeout(resolve, 0));
      },
    });
  }

  pass(secs: number): void {
    this.ahead += secs * 1000;
  }

  async renew(): Promise<string> {
    const outcome = await this.renewer.renew(this.target);
    return "error" in outcome ? outcome.error : "reason" in outcome ? outcome.reason : outcome.kind;
  }

  get cert(): string {
    return Deno.readTextFileSync(`${this.target.directory}/fullchain.pem`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.issuer[Symbol.asyncDispose]();
    Deno.removeSync(this.directory, { recursive: true });
  }
}
