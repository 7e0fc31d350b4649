/** TCP streams in workers (spec 01 section 4): what serves them is loaded where a configuration has routes. @module */
import type { Codec } from "../../gateway/codec.ts";
import { IDLE } from "../../gateway/idle_module.ts";
import type {
  EdgeModule,
  EdgePart,
  EdgeServices,
  RunningModule,
  SnapshotContext,
} from "../../gateway/module.ts";
import type { Streams } from "./streams.ts";
import { STREAM_CODEC, streamRoutes } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "stream-proxy",
  open: (worker) => new StreamPart(worker),
};

/** The streams of one worker, once there are any. */
class StreamPart implements EdgePart {
  readonly codecs: readonly Codec[];
  readonly #worker: EdgeServices;
  #streams: Streams | undefined;

  constructor(worker: EdgeServices) {
    this.#worker = worker;
    this.codecs = [{
      name: STREAM_CODEC,
      serve: (accepted, open) =>
        this.#streams?.serve(accepted, open) ?? Promise.reject(new Error("there are no streams")),
      sharesTls: (listener) => this.#streams?.sharesTls(listener) === true,
      takesTls: (listener, hello) => this.#streams?.takesTls(listener, hello) === true,
    }];
  }

  async start(snapshot: SnapshotContext): Promise<RunningModule> {
    // Where a reload takes the last route away connections go on with what they have.
    if (this.#streams === undefined && streamRoutes(snapshot.config).length === 0) return IDLE;
    const { Streams } = await import("./streams.ts");
    this.#streams ??= new Streams(this.#worker);
    return await this.#streams.start(snapshot);
  }
}
