/**
 * An HTTP/1 connection from a client: requests in, answers out in the same order.
 *
 * @module
 */
import { BodyError } from "../body.ts";
import { totalCut } from "../cut.ts";
import type { Handler, HttpExchange } from "../exchange.ts";
import type { ConnectionFacts } from "../../net/connection_facts.ts";
import type { ReadonlyFields } from "../fields.ts";
import type { InterimOutlet } from "../interim.ts";
import type { Drainable, ServerOptions } from "../server.ts";
import { type Expiring, NEXT_TICK, TICK_MS } from "../../net/clock.ts";
import { closeQuietly, type Duplex, writeAll } from "../../net/duplex.ts";
import { Inbox, InboxStream } from "../../net/inbox.ts";
import { relay } from "../../net/relay.ts";
import { fairStep } from "../../net/fairness.ts";
import { OTHERS_FIRST } from "../../net/turn.ts";
import { LARGE } from "../../net/buffers.ts";
import { AnswerPace } from "./answer_pace.ts";
import { ClientWatch, type Question, type WatchHost } from "./client_watch.ts";
import { MessageWriter, type Outlet } from "./message_writer.ts";
import { findHeadEnd, type HeadProblem } from "./head.ts";
import { linger, LINGER_MS, LINGER_SILENCE_MS } from "./linger.ts";
import { RequestBody } from "./request_body.ts";
import { judgePartialHead } from "./partial_head.ts";
import { judgeLength, readRequestHead, RequestHead } from "./request_head.ts";
import type { ResponseFraming } from "./last_head.ts";
import { interimHead, responseFraming, writeResponseHead } from "./response_head.ts";

/** Empty lines before a request that are skipped, as RFC 9112 section 2.2 asks for one. */
const MAX_EMPTY_LINES = 1;
/** Time for the first request of a connection that was made just before draining began. */
const FIRST_REQUEST_MS = 1_000;
/**
 * Serves one connection to its end. Never rejects; the stream is closed when it returns.
 *
 * @param facts What is known of the connection; shared by its exchanges.
 */
export function serveHttp1<X extends HttpExchange>(
  stream: Duplex,
  facts: ConnectionFacts,
  handler: Handler<X>,
  options: ServerOptions,
): Promise<void> {
  return new ServerConnection(stream, facts, handler, options).serve();
}

/**
 * What the connection is doing: it waits for a head, or for the gateway, or writes, or waits for more of
 * a streamed body. Decides what the passing of its deadline means.
 */
type Phase = "head" | "handling" | "writing" | "streaming";

class ServerConnection<X extends HttpExchange>
  implements Drainable, Expiring, InterimOutlet, Outlet, WatchHost {
  deadline = 0;
  readonly #inbox: Inbox;
  readonly #head = new RequestHead();
  readonly #writer = new MessageWriter(this);
  readonly #pace = new AnswerPace();
  #phase: Phase = "head";
  #exchange: X | undefined;
  #body: RequestBody | undefined;
  /** What is sent besides the answer, interim answers above all; the answer waits for it. */
  #interim: Promise<void> | undefined;
  /** Most requests are answered before their client is looked for. */
  #watch: ClientWatch | undefined;
  /** The answer that is under way comes in chunks. */
  #isChunked = false;
  /** The next answer is the last one. */
  #retiring = false;
  /** And if no request is on its way, none is waited for. */
  #draining = false;
  #waiting = false;
  /** Whether a request has come by this connection. */
  #served = false;

  constructor(
    readonly stream: Duplex,
    readonly facts: ConnectionFacts,
    readonly handler: Handler<X>,
    readonly options: ServerOptions,
  ) {
    this.#inbox = new Inbox(stream);
  }

  async serve(): Promise<void> {
    const { clock, open } = this.options;
    clock.watch(this);
    open.add(this);
    try {
      await this.#serveAll();
    } catch (error) {
      // The connection failed under us, or one of its time limits closed it: no client is left.
      const exchange = this.#exchange;
      if (error instanceof BodyError && exchange?.aborted === false && exchange.failure === "") {
        exchange.failure = error.message;
      }
    } finally {
      this.deadline = 0;
      clock.unwatch(this);
      open.delete(this);
      this.#over(true);
      this.#body?.cancel();
      closeQuietly(this.stream);
      this.#inbox.release();
    }
  }

  /**
   * Asks the connection to end: at once when it waits for another request, after the current answer
   * otherwise. The first request of a new connection is surely on its way.
   */
  drain(): void {
    this.#retiring = this.#draining = true;
    if (!this.#served) {
      this.deadline = Math.min(this.deadline, this.options.clock.now + FIRST_REQUEST_MS);
    } else if (this.#waiting && this.#inbox.isEmpty) closeQuietly(this.stream);
  }

  retire(): void {
    this.#retiring = true;
  }

  abort(reason: string): void {
    const exchange = this.#exchange;
    if (exchange !== undefined && exchange.failure === "") exchange.failure = reason;
    // The reader of the body may wait for something else, and would not notice.
    this.#body?.cancel();
    closeQuietly(this.stream);
  }

  /**
   * A head or a write took too long, and nothing can be sent any more. While something else is waited for,
   * a passing tick only means that it is time to look whether the client is still there: the requests that
   * are answered sooner need not pay for that.
   */
  expire(): void {
    const exchange = this.#exchange;
    if (this.#isWaiting) this.lookAgain();
    else this.abort(exchange === undefined ? "" : this.#pace.reason(exchange));
  }

  async send(bytes: Uint8Array): Promise<void> {
    let sent = 0;
    while (sent < bytes.length) {
      this.#phase = "writing";
      this.#limitWrite();
      if (this.#interim !== undefined) await this.#settleInterim(this.#interim);
      const began = this.options.clock.now;
      sent += await this.stream.write(sent === 0 ? bytes : bytes.subarray(sent));
      this.#pace.blocked(this.options.clock.now - began);
    }
    this.#phase = "streaming";
    this.deadline = this.options.clock.now + TICK_MS;
  }

  inform(status: number, fields: ReadonlyFields): void | Promise<void> {
    if (this.#exchange === undefined || this.#exchange.status !== 0) return;
    const begun = this.#endInterim();
    const head = interimHead(status, fields);
    return this.writeInterim(begun === 0 ? head : head.subarray(begun));
  }

  /**
   * Ends the interim answer that the watch may have begun.
   *
   * @returns Characters of the next status line that the client has had already.
   */
  #endInterim(): number {
    const rest = this.#watch?.takeRest();
    if (rest !== undefined) void this.writeInterim(rest);
    return this.#watch?.takeBegun() ?? 0;
  }

  writeInterim(bytes: Uint8Array): Promise<void> {
    const before = this.#interim ?? Promise.resolve();
    return this.#interim = before.then(() => writeAll(this.stream, bytes)).catch(this.onVanished);
  }

  countBody(bytes: number): void {
    if (this.#exchange !== undefined) this.#exchange.responseBodyBytes += bytes;
  }

  /**
   * One request and its answer after the other. One function on purpose: in the common case the only
   * promises are those of the stream and of the gateway.
   */
  async #serveAll(): Promise<void> {
    const inbox = this.#inbox;
    const writer = this.#writer;
    const { handler } = this;
    const { clock, headTimeoutMs, idleTimeoutMs = headTimeoutMs } = this.options;
    for (;;) {
      this.#phase = "head";
      const waitMs = this.#served ? idleTimeoutMs : headTimeoutMs;
      this.deadline = clock.now + (this.#draining ? FIRST_REQUEST_MS : waitMs);
      let emptyLines = MAX_EMPTY_LINES - skipEmptyLines(inbox, MAX_EMPTY_LINES);
      let behind = findHeadEnd(inbox.bytes, inbox.start, inbox.end);
      if (behind >= 0) {
        // One of a pipeline, which may be long.
        const turn = fairStep();
        if (turn !== undefined) await turn;
      }
      let problem: HeadProblem | undefined;
      /** Bytes of the head's lines that have been looked at. */
      let judged = 0;
      while (behind < 0) {
        const { bytes, start, end } = inbox;
        const { limits } = this.options;
        problem = judgeLength(bytes, start, end, limits);
        if (problem !== undefined) break;
        const found = judgePartialHead(bytes, start, judged, end, emptyLines > 0, limits);
        if (typeof found === "object") {
          problem = found;
          break;
        }
        judged = found;
        if (inbox.isEmpty) {
          if (this.#draining && this.#served) return;
          this.#waiting = true;
        }
        const scanned = Math.max(0, inbox.end - inbox.start - 3);
        const reading = inbox.receive(this.options.limits.maxHeadBytes + 1);
        if (reading === undefined || inbox.arrived(await reading) === null) return;
        // The first bytes of a head: the rest of it has a limit of its own.
        if (this.#waiting && idleTimeoutMs !== headTimeoutMs) {
          this.deadline = clock.now + headTimeoutMs;
        }
        this.#waiting = false;
        const skipped = skipEmptyLines(inbox, emptyLines);
        emptyLines -= skipped;
        behind = findHeadEnd(inbox.bytes, inbox.start + (skipped > 0 ? 0 : scanned), inbox.end);
      }

      const exchange = this.#open(behind, problem);
      if (exchange.status === 0) {
        let waiting = handler.handle(exchange);
        while (waiting !== undefined) {
          this.#phase = "handling";
          this.deadline = clock.now + TICK_MS;
          let arrived: unknown;
          try {
            arrived = await waiting;
          } catch (reason) {
            waiting = handler.fail(exchange, reason);
            continue;
          }
          waiting = handler.resume(exchange, arrived);
        }
        if (exchange.aborted) return;
      }

      this.#decidePersistence(exchange);
      const framing = responseFraming(exchange);
      const persistent = !exchange.closeAfter && framing !== "close";
      this.#pace.begin(clock.now);
      let begun = 0;
      if (this.#interim !== undefined) {
        this.#phase = "writing";
        this.#limitWrite();
        begun = this.#endInterim();
        await this.#settleInterim(this.#interim);
      }
      if (this.#begin(exchange, framing, persistent, begun)) {
        const bytes = writer.unsent;
        this.#phase = "writing";
        this.#limitWrite();
        await OTHERS_FIRST;
        const sent = await this.stream.write(bytes);
        if (sent < bytes.length) await this.send(bytes.subarray(sent));
        writer.end();
      } else {
        this.#isChunked = framing === "chunked";
        await writer.finish();
      }
      this.#phase = "writing";

      if (exchange.status === 101 && exchange.tunnel !== undefined) {
        return await this.#tunnel(exchange, exchange.tunnel);
      }
      // What the framing forbids to send (HEAD, 304) is given up, so that what feeds it may go.
      if (framing === "none") cancelAnswer(exchange);
      this.#over(false);
      if (!persistent || exchange.closeAfter) {
        return this.#mayBeSending ? await this.#linger() : undefined;
      }
      const body = this.#body;
      if (body !== undefined && !body.isComplete && !await this.#finishBody(body)) return;
      this.#body = undefined;
      if (!inbox.isReading) inbox.shrink();
    }
  }

  /** Takes what the client still sends; not for long when the gateway is about to end. */
  async #linger(): Promise<void> {
    // A reader that still passes it on has had the answer, and would take turns at reading.
    this.#body?.cancel();
    const { clock } = this.options;
    const end = clock.now + (this.#draining ? LINGER_SILENCE_MS : LINGER_MS);
    const wait = () => this.deadline = Math.min(end, clock.now + LINGER_SILENCE_MS);
    wait();
    await linger(this.stream, this.#inbox, wait);
  }

  /** Makes the exchange of the head that ends at `behind`; answers it at once when it is refused. */
  #open(behind: number, problem: HeadProblem | undefined): X {
    const inbox = this.#inbox;
    const head = this.#head;
    this.#served = true;
    const exchange = this.handler.create(this.facts);
    this.#exchange = exchange;
    this.#watch?.begin();
    if (problem === undefined) {
      const { bytes, start } = inbox;
      const { limits } = this.options;
      problem = behind - start > limits.maxHeadBytes
        ? judgeLength(bytes, start, behind, limits)
        : readRequestHead(bytes, start, behind, limits, head);
    }
    if (problem !== undefined) {
      this.handler.refuse(exchange, problem.status, problem.reason, problem.kind);
      exchange.closeAfter = true;
      return exchange;
    }
    inbox.start = behind;
    head.describe(exchange);
    if (head.version === 11) exchange.interim = this;
    this.#takeBody(exchange, head);
    this.deadline = 0;
    return exchange;
  }

  /**
   * Begins the answer. One whose body is found broken before anything of it has left gives way to a
   * refusal (spec 02 section 9.4).
   *
   * @param begun Characters of its status line that the client has had already.
   * @returns Whether what the writer has now is all of it.
   */
  #begin(exchange: X, framing: ResponseFraming, persistent: boolean, begun: number): boolean {
    const writer = this.#writer;
    const { clock } = this.options;
    writer.begin();
    try {
      writeResponseHead(writer, exchange, framing, persistent, clock);
      writer.skip(begun);
      const answer = framing === "none" ? undefined : exchange.responseBody;
      return writer.body(answer, framing === "chunked");
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      writer.end();
      exchange.failure = error.message;
      exchange.responseBody = undefined;
      exchange.responseBodyBytes = 0;
      this.handler.refuse(exchange, error.status, error.message);
      exchange.closeAfter = true;
      writer.begin();
      writeResponseHead(writer, exchange, "none", false, clock);
      writer.skip(begun);
      return writer.body(undefined, false);
    }
  }

  /** Whether this answer is the last one: by what is left of the request's body, and by drain or reload. */
  #decidePersistence(exchange: X): void {
    const body = this.#body;
    if (body !== undefined) {
      if (!body.isOver) this.#skim(exchange, body);
      if (!body.isComplete && !body.canDiscard) exchange.closeAfter = true;
    }
    if (this.#retiring) exchange.closeAfter = true;
  }

  /** What has come of an unread body must be framed rightly all the same. */
  #skim(exchange: X, body: RequestBody): void {
    const scratch = LARGE.take();
    const fault = body.skim(scratch);
    LARGE.give(scratch);
    if (fault === undefined) return;
    cancelAnswer(exchange);
    this.handler.refuse(exchange, fault.status, fault.message);
    exchange.closeAfter = true;
  }

  #takeBody(exchange: X, head: RequestHead): void {
    if (head.framing === "none") {
      this.#body = undefined;
      return;
    }
    const body = new RequestBody(this.#inbox, head, exchange, this.options.clock);
    this.#body = body;
    exchange.requestBody = body;
  }

  /** The client waits for the gateway, or for more of an answer that comes in pieces. */
  get #isWaiting(): boolean {
    return this.#phase === "handling" || this.#phase === "streaming";
  }

  lookAgain(): void {
    const exchange = this.#exchange;
    if (exchange === undefined || !this.#isWaiting) return;
    const { clock } = this.options;
    const end = this.#phase === "streaming" ? this.#pace.end(exchange) : 0;
    if (end !== 0 && end <= clock.now) {
      this.abort(totalCut(exchange));
      return cancelAnswer(exchange);
    }
    this.#watch ??= new ClientWatch(this.#inbox, clock, this);
    const next = this.#watch.look(exchange, this.#body, this.#questionFor(exchange));
    this.deadline = next === 0 || (end !== 0 && end < next) ? end : next;
  }

  #questionFor(exchange: X): Question {
    if (this.#phase === "streaming") return this.#isChunked ? "zero" : "none";
    // A client that waits to be asked for its body would send it.
    if (this.#body?.awaitsContinue === true) return "none";
    const mayInform = exchange.version === 11 && !isForwarded(exchange.request);
    return mayInform ? "interim" : "status";
  }

  lookAtNextTick(): void {
    if (this.#isWaiting) this.deadline = NEXT_TICK;
  }

  /** Waits for what is sent besides the answer, so that the answer comes after it. */
  async #settleInterim(interim: Promise<void>): Promise<void> {
    await interim;
    this.#interim = undefined;
  }

  readonly onVanished = (): void => {
    const exchange = this.#exchange;
    if (exchange === undefined || exchange.aborted) return;
    exchange.aborted = true;
    exchange.onAbort?.();
    cancelAnswer(exchange);
  };

  /** The exchange is over: the gateway learns it, once. */
  #over(failed: boolean): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    if (failed) {
      exchange.failed = true;
      if (exchange.tunnel !== undefined) closeQuietly(exchange.tunnel);
      cancelAnswer(exchange);
      this.#body?.cancel();
    }
    this.handler.finish(exchange);
  }

  async #tunnel(exchange: X, upstream: Duplex): Promise<void> {
    this.deadline = 0;
    const client = new InboxStream(this.#inbox);
    const { clock } = this.options;
    const result = await relay(client, upstream, clock, exchange.tunnelIdleMs);
    exchange.requestBodyBytes = result.forward;
    exchange.responseBodyBytes = result.backward;
    this.#over(result.end === "error");
  }

  /** Waits for the rest of a body that the answer did not need; returns whether it came. */
  async #finishBody(body: RequestBody): Promise<boolean> {
    const scratch = LARGE.take();
    this.deadline = this.options.clock.now + this.options.headTimeoutMs;
    const complete = await body.finish(scratch);
    LARGE.give(scratch);
    return complete;
  }

  /** After the last answer: whether the client may still be sending something that will not be read. */
  get #mayBeSending(): boolean {
    const body = this.#body;
    return !this.#inbox.isEmpty || (body !== undefined && !body.isOver) ||
      this.#head.framing !== "none" || this.#head.fault !== undefined;
  }

  #limitWrite(): void {
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      this.deadline = this.#pace.deadline(exchange, this.options.clock.now);
    }
  }
}

/** Skips up to `most` empty lines before a request line and returns how many there were. */
function skipEmptyLines(inbox: Inbox, most: number): number {
  let count = 0;
  while (
    count < most && inbox.end - inbox.start >= 2 &&
    inbox.bytes[inbox.start] === 13 && inbox.bytes[inbox.start + 1] === 10
  ) {
    inbox.start += 2;
    count++;
  }
  return count;
}

/** Whether a proxy sent the request: some in wide use take an interim answer for the final one. */
function isForwarded(fields: ReadonlyFields): boolean {
  return fields.has("x-forwarded-for") || fields.has("via") || fields.has("forwarded");
}

function cancelAnswer(exchange: HttpExchange): void {
  const body = exchange.responseBody;
  if (body !== undefined && !(body instanceof Uint8Array)) body.cancel();
}
