/** The Prometheus listener, in the control service. @module */
import type { RunningService, Service } from "../../gateway/threads/service.ts";
import { openSeriesMetrics } from "../../gateway/reports/series_metrics.ts";
import { SeriesReader } from "../../gateway/reports/series_reader.ts";
import type { HttpExchange } from "../../http/exchange.ts";
import { Fields } from "../../http/fields.ts";
import { ControlListeners, isOwnHost } from "../control/control.ts";
import { controlHosts } from "../control/table.ts";
import { CONTENT_TYPE, Exposition } from "./exposition.ts";
import { ProcessMetrics } from "./process.ts";
import { metricsOf } from "./table.ts";
import { VERSION } from "../../gateway/exchange/version.ts";

/** Scrapes under way; each holds all values until its client has taken them. */
const MAX_SCRAPES = 4;

/** A scraper's request has a short target and a few fields. */
const LIMITS = { maxHeadBytes: 8_192, maxUriBytes: 1_024, maxFields: 64 } as const;

const encoder = new TextEncoder();

/** Serves `/metrics`. */
export const control: Service = {
  module: "metrics",
  role: "control",
  openMetrics: openSeriesMetrics,
  async start(context): Promise<RunningService> {
    let names = controlHosts(context.config);
    const reader = new SeriesReader(context);
    const processMetrics = new ProcessMetrics(
      { version: VERSION, deno: Deno.version.deno },
      context.processStartMs,
    );
    let scrapes = 0;
    const taking = new Taking(reader);
    const listeners = new ControlListeners(context, {
      subject: "metrics",
      limits: LIMITS,
      answer(exchange, rule) {
        if (!isOwnHost(exchange, rule)) {
          return answer(exchange, 421, "the host is no name of this listener\n");
        }
        if (exchange.path !== "/metrics") return answer(exchange, 404, "not found\n");
        const { method } = exchange;
        if (method !== "GET" && method !== "HEAD") {
          answer(exchange, 405, "method not allowed\n");
          return exchange.response.append("allow", "GET, HEAD");
        }
        if (scrapes === MAX_SCRAPES) {
          answer(exchange, 503, "too many scrapes are under way\n");
          return exchange.response.append("retry-after", "1");
        }
        answer(exchange, 200, "", CONTENT_TYPE);
        if (method === "HEAD") return;
        scrapes++;
        exchange.responseBody = new Exposition(
          reader.read(),
          processMetrics.text(),
          () => scrapes--,
        );
      },
      refuse: (exchange, status) => answer(exchange, status, "the request cannot be read\n"),
      fail: (exchange) => answer(exchange, 500, "the control service has failed\n"),
    });
    const metrics = metricsOf(context.config);
    if (metrics !== undefined) {
      await listeners.open(metrics.listen, "metrics.listen", () => names);
    }
    return {
      reload(config) {
        // The listener never changes in a running process.
        names = controlHosts(config);
        return Promise.resolve();
      },
      takes: [],
      stop() {
        listeners.close();
        taking.stop();
        return Promise.resolve();
      },
    };
  },
};

/** Time between two looks for new series. */
const LOOK_MS = 500;

/** Takes up new series little by little, so that no scrape has to take up all of them. */
class Taking {
  readonly #reader: SeriesReader;
  #timer: ReturnType<typeof setTimeout>;

  constructor(reader: SeriesReader) {
    this.#reader = reader;
    this.#timer = setTimeout(() => this.#take(), 0);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #take(): void {
    const pause = this.#reader.takeUp() ? 0 : LOOK_MS;
    this.#timer = setTimeout(() => this.#take(), pause);
  }
}

/** Answers with a short text that no cache keeps. */
function answer(
  exchange: HttpExchange,
  status: number,
  body: string,
  type = "text/plain; charset=utf-8",
): void {
  exchange.status = status;
  exchange.response = Fields.of(
    ["content-type", type],
    ["cache-control", "no-store"],
    ["x-content-type-options", "nosniff"],
  );
  exchange.responseBody = encoder.encode(body);
}
