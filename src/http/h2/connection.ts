/**
 * One HTTP/2 connection from its first byte to its last: what servers and clients have in common. It
 * reads, has frames handled, flushes what they brought about, and ends in good order.
 *
 * @module
 */
import { LARGE_BYTES, SMALL_BYTES } from "../../net/buffers.ts";
import type { Expiring } from "../../net/clock.ts";
import { closeQuietly } from "../../net/duplex.ts";
import { Inbox } from "../../net/inbox.ts";
import { sendGoAway } from "./wire/control_frames.ts";
import { ConnectionError } from "./wire/errors.ts";
import { FrameParser } from "./wire/frame_parser.ts";
import { type ConnectionSetup, FrameRules } from "./wire/frame_rules.ts";
import { MAX_FRAME_BYTES } from "./wire/frames.ts";
import { type Stream, STREAM_WINDOW } from "./stream.ts";

/** Longest a peer is read after GOAWAY, so that a reset does not destroy what is on its way to it. */
const LINGER_MS = 2_000;
const MAX_LINGER_BYTES = 1024 * 1024;

const STALLED_CUT = "the client took nothing of its connection in time " +
  "(limit: downstream_write_timeout_secs)";

/**
 * `open`: frames are read. `ending`: GOAWAY was sent, what waits is written, what comes is dropped.
 * `over`: the stream is closed.
 */
type Phase = "open" | "ending" | "over";

/** A connection with streams of type `S`. */
export abstract class Connection<S extends Stream> extends FrameRules<S> implements Expiring {
  deadline = 0;
  /** Why streams that were open were lost, for logs. */
  lossReason = "the connection was closed";
  protected phase: Phase = "open";
  /** When the bytes that are being handled were read: exact, where `Clock.now` is coarse. */
  protected readAt = 0;
  readonly #setup: ConnectionSetup;
  readonly #inbox: Inbox;
  readonly #parser: FrameParser;
  #lingered = 0;
  /** What this program threw while it wrote. */
  #fault: { readonly reason: unknown } | undefined;

  constructor(setup: ConnectionSetup) {
    super(setup);
    this.#setup = setup;
    this.#inbox = new Inbox(setup.stream);
    this.#parser = new FrameParser(this.#inbox, this, setup.maxBlockBytes);
  }

  /** Takes what comes before the first frame; `false` while it is incomplete. */
  protected abstract readPreface(inbox: Inbox): boolean;
  /** All frames that had arrived have been handled. */
  protected abstract onBatchEnd(): void;
  /** Once a tick, after the sweep of the streams; sets `deadline` anew. */
  protected abstract onSweep(now: number): void;
  /** Longest a write to the peer may stall, in milliseconds; 0 for no limit. */
  protected abstract writeTimeoutMs(): number;
  /** The highest stream of the peer's that was taken on, for GOAWAY. */
  protected abstract lastPeerStreamId(): number;

  /**
   * Serves the connection to its end; the stream is closed then.
   *
   * @throws What a fault of this program throws. Whatever the peer does ends the connection, no more.
   */
  protected async run(): Promise<void> {
    this.clock.watch(this);
    try {
      this.output.flush();
      while (await this.#readOn()) {
        this.#readFrames();
        if (this.output.isOverrun) this.abort();
      }
      if (this.#fault !== undefined) throw this.#fault.reason;
    } finally {
      this.phase = "over";
      this.deadline = 0;
      this.clock.unwatch(this);
      closeQuietly(this.#setup.stream);
      this.loseStreams();
      this.onWritten();
      this.#inbox.release();
    }
  }

  /** The connection is cut with what is in flight on it, for `reason`. */
  protected onCut(_reason: string): void {}

  /** Ends the connection at once; by its own fault unless there is a `reason`. */
  abort(reason?: string): void {
    if (reason !== undefined) this.onCut(reason);
    closeQuietly(this.#setup.stream);
  }

  /** Waits for bytes; `false` when there will be none. */
  async #readOn(): Promise<boolean> {
    const inbox = this.#inbox;
    try {
      const count = await inbox.more(LARGE_BYTES);
      if (count === null) return false;
      if (this.phase === "open") return true;
      this.#lingered += count;
      inbox.start = inbox.end;
      return this.#lingered < MAX_LINGER_BYTES;
    } catch {
      // Closed by the peer, by a time limit or by `abort`: the caller ends all that was open.
      return false;
    }
  }

  #readFrames(): void {
    const { now } = this.clock;
    this.readAt = performance.now();
    this.flushIsDue = true;
    try {
      if (this.readPreface(this.#inbox)) {
        while (this.phase === "open" && this.#parser.next(now));
      }
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.fail(error.code, error.message);
    }
    this.onBatchEnd();
    this.flushIsDue = false;
    this.output.flush();
    // A connection without streams may stay so for long: it waits with a small buffer.
    if (this.streams.size === 0 || this.#inbox.end <= SMALL_BYTES) this.#inbox.shrink();
  }

  onWriteFailed(): void {
    this.abort();
  }

  onFault(fault: unknown): void {
    this.#fault ??= { reason: fault };
    this.abort();
  }

  /** Says GOAWAY with an error and ends the connection; streams that are open are lost. */
  protected fail(code: number, reason: string): void {
    if (this.phase !== "open") return;
    this.phase = "ending";
    this.lossReason = reason;
    this.loseStreams();
    sendGoAway(this.output, this.lastPeerStreamId(), code, reason);
    this.#linger();
  }

  /** Ends the connection after what waits to be sent. */
  protected end(): void {
    if (this.phase !== "open") return;
    this.phase = "ending";
    this.#linger();
  }

  #linger(): void {
    this.deadline = this.clock.now + LINGER_MS;
    this.output.end();
  }

  expire(): void {
    if (this.phase !== "open") return this.abort();
    const { now } = this.clock;
    const since = this.output.writingSince;
    const patience = this.writeTimeoutMs();
    const isStalled = since !== 0 && patience !== 0 && now - since >= patience;
    const { blockSince } = this.#parser;
    const isLate = blockSince !== 0 && now - blockSince >= this.#setup.headTimeoutMs;
    if (isStalled) return this.abort(STALLED_CUT);
    if (isLate) return this.abort();
    for (const stream of this.streams.list()) stream.sweep(now);
    this.onSweep(now);
  }
}

/** Octets that all streams of a connection may have unread, for that many streams. */
export function connectionWindow(streams: number): number {
  return Math.min(streams * STREAM_WINDOW, 16 * 1024 * 1024);
}

/** Octets of a field block as sent, for a limit of the decoded list: compressed it is shorter. */
export function blockLimit(maxListBytes: number): number {
  return maxListBytes + MAX_FRAME_BYTES;
}
