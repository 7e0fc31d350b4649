/** An application in this thread: a directory of files, a scripted responder, a clock that tests move. @module */
import assert from "node:assert/strict";
import { loadText } from "../../../config/load.ts";
import { newDirectory, putFile } from "../../../config/testing/files.ts";
import type { Config } from "../../../config/types.ts";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import type { Logger } from "../../../gateway/reports/log.ts";
import { exchangeFixture, type RequestFixture } from "../../../gateway/testing/exchange_fixture.ts";
import {
  contextOf,
  type CountedContext,
  routeScope,
  vhostScope,
} from "../../../gateway/testing/modules.ts";
import { type Body, readAll } from "../../../http/body.ts";
import type { ClientResponse } from "../../../http/client.ts";
import { Responder, type ResponderConnection } from "../../../net/fastcgi/testing/responder.ts";
import { module as headers } from "../../headers/module.ts";
import { module as proxy } from "../../proxy/module.ts";
import { module as web } from "../../web/module.ts";
import { Application } from "../application.ts";
import { module } from "../module.ts";
import { outcomeOf } from "../answer/outcome.ts";
import { phpOf } from "../table.ts";

const MODULES = [headers, proxy, web, module];

/** What a configuration comes to, with what is wrong with it. */
export function loaded(text: string) {
  const checks = MODULES.flatMap(({ check }) => check === undefined ? [] : [check]);
  return loadText(text, MODULES.flatMap(({ schema }) => schema), checks, {
    file: "/etc/test.toml",
  });
}

/** What a test says of its application. */
export interface AppOptions {
  /** Below the root. */
  readonly files?: Readonly<Record<string, string>>;
  /** Keys of `[vhosts.php]`. */
  readonly keys?: string;
  /** Keys of `[vhosts.php.fpm]` beside the socket. */
  readonly fpm?: string;
  /** Where the table stands: in a route with these keys, else in the vhost. */
  readonly route?: string;
  readonly script?: (connection: ResponderConnection, index: number) => Promise<void>;
}

/** An answer that was read. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly outcome: string;
}

/** The application. */
export class TestApp implements AsyncDisposable {
  readonly log: string[] = [];
  readonly root: string;
  readonly config: Config;
  readonly context: CountedContext;
  readonly application: Application;
  readonly responder: Responder;
  readonly #directory: string;

  constructor(options: AppOptions = {}) {
    this.#directory = newDirectory();
    this.root = `${this.#directory}/www`;
    const { files = { "index.php": "<?php" }, keys = "", fpm = "", route } = options;
    for (const [path, content] of Object.entries(files)) putFile(`${this.root}/${path}`, content);
    const socket = `${this.#directory}/fpm.sock`;
    const table = route === undefined ? "vhosts.php" : "vhosts.routes.php";
    const text = `[[vhosts]]
name = "shop"
hosts = ["shop.test"]
${route === undefined ? "" : `[[vhosts.routes]]\nname = "app"\n${route}`}
[${table}]
enabled = true
root = "${this.root}"
${keys}
[${table}.fpm]
${fpm.includes("tcp") ? "" : `socket = "${socket}"`}
${fpm.replaceAll("{socket}", socket)}
`;
    const { config, problems } = loaded(text);
    assert.deepEqual(problems.filter(({ warning }) => warning !== true), []);
    assert.ok(config !== undefined);
    this.config = config;
    const log: Logger = {
      logsAccess: false,
      enabled: () => true,
      log: (level, _target, message) => void this.log.push(`${level} ${message}`),
      access() {},
    };
    this.context = contextOf(config, MODULES, { log });
    this.context.clock.start();
    const scope = route === undefined ? vhostScope(config) : routeScope(config);
    const php = phpOf(scope);
    assert.ok(php !== undefined);
    this.application = new Application(php, scope, this.context);
    this.responder = new Responder(socket, options.script ?? (() => Promise.resolve()));
  }

  /** Lets time pass. */
  tick(ms: number): void {
    const { clock } = this.context;
    clock.stop();
    clock.tick(clock.now + ms);
  }

  /** A request for this application. */
  exchange(
    request: RequestFixture & { readonly body?: Body; readonly servedPath?: string } = {},
  ): Exchange {
    const exchange = exchangeFixture({ authority: "shop.test", ...request });
    exchange.requestBody = request.body;
    exchange.servedPath = request.servedPath ?? exchange.servedPath;
    return exchange;
  }

  /** Asks for the answer; `undefined` where the application passes on. */
  async ask(exchange: Exchange): Promise<ClientResponse | undefined> {
    const { content } = this.application.steps;
    const request = await content?.request(exchange);
    return request && await content?.origin.fetch(request, exchange);
  }

  /** Asks for the answer and reads it. */
  async get(target: string, request: Parameters<TestApp["exchange"]>[0] = {}): Promise<Answer> {
    const exchange = this.exchange({ target, ...request });
    const answer = await this.ask(exchange);
    const fields = answer?.fields ?? exchange.response;
    const body = answer?.body ?? exchange.responseBody;
    exchange.status = answer?.status ?? exchange.status;
    this.application.finished(exchange);
    const bytes = body === undefined || body instanceof Uint8Array
      ? body ?? new Uint8Array(0)
      : await readAll(body, 256 * 1024 * 1024) ?? new Uint8Array(0);
    exchange.releaseAll();
    return {
      status: answer?.status ?? exchange.status,
      headers: Object.fromEntries(fields.names.map((name) => [name, fields.all(name).join(" | ")])),
      body: new TextDecoder("latin1").decode(bytes),
      outcome: outcomeOf(exchange),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.context.clock.stop();
    await this.context.release();
    await this.responder[Symbol.asyncDispose]();
    assert.deepEqual(this.responder.faults, []);
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** A script that answers every request with this output. */
export function answering(...records: readonly Uint8Array[]) {
  return async (connection: ResponderConnection): Promise<void> => {
    await connection.request();
    await connection.send(...records);
  };
}
