/**
 * What each frame does to streams, windows and settings: the rules of RFC 9113 sections 5 and 6 that
 * servers and clients share.
 *
 * @module
 */
import type { Fields } from "../../fields.ts";
import type { Clock } from "../../../net/clock.ts";
import type { Duplex } from "../../../net/duplex.ts";
import { ClosedStreams } from "../closed_streams.ts";
import {
  acknowledgePing,
  acknowledgeSettings,
  sendReset,
  sendSettings,
  sendWindowUpdate,
} from "./control_frames.ts";
import { ConnectionError, ErrorCode } from "./errors.ts";
import { DEFAULT_WINDOW, MAX_WINDOW, ReceiveWindow } from "./flow_control.ts";
import type { FrameEvents } from "./frame_parser.ts";
import { HeadWriter } from "../heads/head_writer.ts";
import { type Decoder, Encoder, type FieldSink, HpackError } from "../hpack/mod.ts";
import { Output, type OutputSource } from "./output.ts";
import { type OwnSettings, PeerSettings } from "./settings.ts";
import type { Stream, StreamHost } from "../stream.ts";
import { StreamTable } from "../stream_table.ts";
import { TurnQueue } from "./turn_queue.ts";
import { Cost, SLIVER_BYTES, WorkBudget } from "./work_budget.ts";

/** What a connection works with. */
export interface ConnectionSetup {
  readonly stream: Duplex;
  readonly clock: Clock;
  readonly decoder: Decoder;
  /** What goes out before the first frame: a client's preface. */
  readonly greeting: Uint8Array | undefined;
  readonly settings: OwnSettings;
  /** Octets that all streams together may have unread. */
  readonly window: number;
  /** Most octets of one field block as sent. */
  readonly maxBlockBytes: number;
  /** Longest a field block may take to arrive. */
  readonly headTimeoutMs: number;
  /** So many streams with something to send are not kept waiting for others to share their write. */
  readonly promptTurns: number;
}

/** The state that frames change, and how they do. */
export abstract class FrameRules<S extends Stream>
  implements StreamHost, OutputSource, FrameEvents {
  sendWindow = DEFAULT_WINDOW;
  readonly clock: Clock;
  readonly output: Output;
  readonly heads: HeadWriter;
  protected readonly streams = new StreamTable<S>();
  protected readonly closedStreams = new ClosedStreams();
  protected readonly peer = new PeerSettings();
  readonly work: WorkBudget;
  /** A flush follows anyway: frames are being read, or it has been asked for. */
  protected flushIsDue = false;
  readonly #promptTurns: number;
  readonly #peerIsServer: boolean;
  readonly #encoder = new Encoder();
  readonly #decoder: Decoder;
  readonly #turns = new TurnQueue();
  readonly #receiveWindow: ReceiveWindow;
  /** SETTINGS of ours that the peer has not acknowledged yet. */
  #unacknowledged = 1;

  constructor(setup: ConnectionSetup) {
    const { stream, clock, decoder, greeting, settings, window } = setup;
    this.#promptTurns = setup.promptTurns;
    this.clock = clock;
    this.work = new WorkBudget(clock.now);
    this.#peerIsServer = settings.maxConcurrentStreams === undefined;
    this.#decoder = decoder;
    this.output = new Output(stream, clock, this);
    this.heads = new HeadWriter(this.output, this.#encoder);
    this.#receiveWindow = new ReceiveWindow(window);
    if (greeting !== undefined) this.output.raw(greeting);
    sendSettings(this.output, settings);
    if (window > DEFAULT_WINDOW) sendWindowUpdate(this.output, 0, window - DEFAULT_WINDOW);
  }

  /** Whether a stream of that number was never opened. */
  protected abstract isIdle(streamId: number): boolean;
  /** The peer sent RST_STREAM for a stream that was open. */
  protected abstract onPeerReset(stream: S): void;
  /** The peer made this side reset a stream, by a fault of its own. */
  protected abstract onPeerFault(stream: S): void;
  /** The peer sent RST_STREAM for a stream that is over. */
  protected abstract onLateReset(streamId: number): void;
  protected abstract onPeerSettings(): void;
  /** A stream left `streams`. */
  protected abstract onStreamGone(): void;
  abstract onBlock(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void;
  abstract onPong(mark: number): void;
  abstract onGoAway(lastId: number, code: number): void;
  abstract onWritten(): void;
  abstract onWriteFailed(): void;
  abstract onFault(fault: unknown): void;

  // --- frames ----------------------------------------------------------------------------------

  onData(
    streamId: number,
    length: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    if (!this.#receiveWindow.take(length)) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window is passed");
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.spend(length === 0 ? Cost.FRAME : Cost.LATE);
      this.#checkLate(streamId);
      this.creditConnection(length);
      return;
    }
    const size = end - start;
    // An upstream was chosen by the operator, and may write octet by octet.
    if (size < (this.#peerIsServer ? 1 : SLIVER_BYTES) && !endStream) this.spend(Cost.FRAME);
    if (stream.remoteDone || !stream.takeWindow(length)) {
      this.creditConnection(length);
      const code = stream.remoteDone ? ErrorCode.STREAM_CLOSED : ErrorCode.FLOW_CONTROL_ERROR;
      this.#resetFaulty(stream, code);
      return;
    }
    if (length > size) stream.credit(length - size);
    if (!stream.receive(bytes, start, end, endStream)) {
      this.#resetFaulty(stream, ErrorCode.PROTOCOL_ERROR);
    }
  }

  /** A frame on a stream that is over: harmless when the peer could not know. */
  #checkLate(streamId: number): void {
    this.#refuseIdle(streamId);
    if (this.closedStreams.endingOf(streamId) === "complete") {
      throw new ConnectionError(ErrorCode.STREAM_CLOSED, "a frame behind the end of its stream");
    }
  }

  #refuseIdle(streamId: number): void {
    if (this.isIdle(streamId)) {
      throw new ConnectionError(
        ErrorCode.PROTOCOL_ERROR,
        "a frame on a stream that was not opened",
      );
    }
  }

  /**
   * Decodes a field block.
   *
   * @throws {ConnectionError} COMPRESSION_ERROR.
   */
  protected decode(bytes: Uint8Array, start: number, end: number, sink: FieldSink): void {
    try {
      this.#decoder.decode(bytes, start, end, sink);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, error.message);
    }
  }

  /** Trailers of an open stream, already checked and decoded; `undefined` when they were malformed. */
  protected onTrailers(stream: S, trailers: Fields | undefined, endStream: boolean): void {
    if (stream.remoteDone) {
      this.#resetFaulty(stream, ErrorCode.STREAM_CLOSED);
    } else if (trailers === undefined || !endStream || !stream.receiveTrailers(trailers)) {
      this.#resetFaulty(stream, ErrorCode.PROTOCOL_ERROR);
    }
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.spend(Cost.FRAME);
    if (streamId === 0) {
      if (increment === 0) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a window increment of 0");
      }
      this.sendWindow += increment;
      if (this.sendWindow > MAX_WINDOW) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "the window is too large");
      }
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) return this.#refuseIdle(streamId);
    stream.sendWindow += increment;
    if (increment === 0) this.#resetFaulty(stream, ErrorCode.PROTOCOL_ERROR);
    else if (stream.sendWindow > MAX_WINDOW) {
      this.#resetFaulty(stream, ErrorCode.FLOW_CONTROL_ERROR);
    } else stream.onWindow();
  }

  onReset(streamId: number, code: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.#refuseIdle(streamId);
      this.spend(Cost.FRAME);
      this.onLateReset(streamId);
      return;
    }
    this.#forget(stream);
    this.closedStreams.complete(streamId);
    stream.onDead(true, code);
    this.onPeerReset(stream);
    this.onStreamGone();
  }

  onSettings(bytes: Uint8Array, start: number, end: number): void {
    this.spend(Cost.FRAME + ((end - start) >> 6));
    const { peer } = this;
    const before = peer.initialWindowSize;
    peer.read(bytes, start, end, this.#peerIsServer);
    this.#encoder.tableLimit = peer.headerTableSize;
    const change = peer.initialWindowSize - before;
    if (change !== 0) this.#changeWindows(change);
    acknowledgeSettings(this.output);
    this.onPeerSettings();
  }

  onSettingsAck(): void {
    if (this.#unacknowledged > 0) this.#unacknowledged--;
    else this.spend(Cost.FRAME);
  }

  /** RFC 9113 section 6.9.2; a window may become negative. */
  #changeWindows(change: number): void {
    this.spend(this.streams.size * Cost.WINDOW_CHANGE);
    for (const stream of this.streams.list()) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a window is too large");
      }
      if (change > 0) stream.onWindow();
    }
  }

  onPing(bytes: Uint8Array, start: number): void {
    this.spend(Cost.FRAME);
    acknowledgePing(this.output, bytes, start);
  }

  /** Checked, and ignored (RFC 9113 section 5.3.2). */
  onPriority(streamId: number, errorCode: number | undefined): void {
    this.spend(Cost.FRAME);
    if (errorCode === undefined) return;
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.#resetFaulty(stream, errorCode);
    // RST_STREAM may not be sent for an idle stream, and says nothing about one that is over.
    else if (this.isIdle(streamId)) throw new ConnectionError(errorCode, "a malformed priority");
  }

  /** What only a head larger than a frame needs. */
  onContinuation(): void {
    this.spend(Cost.FRAME);
  }

  onUnknown(): void {
    this.spend(Cost.FRAME);
  }

  /**
   * Counts work that brings nothing.
   *
   * @throws {ConnectionError} ENHANCE_YOUR_CALM when there is too much of it.
   */
  protected spend(units: number): void {
    this.work.spend(this.clock.now, units);
  }

  /** Counts a field block of that many octets as sent, which is decoded in vain. */
  protected spendBlock(units: number, bytes: number): void {
    this.work.spendBlock(this.clock.now, units, bytes);
  }

  // --- streams ---------------------------------------------------------------------------------

  wantTurn(stream: Stream): void {
    this.#turns.add(stream);
    if (this.#turns.size >= this.#promptTurns) this.output.flush();
    else this.wantFlush();
  }

  wantFlush(): void {
    if (this.flushIsDue) return;
    this.flushIsDue = true;
    queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.flushIsDue = false;
    this.output.flush();
  };

  creditConnection(count: number): void {
    const increment = this.#receiveWindow.give(count);
    if (increment === 0) return;
    sendWindowUpdate(this.output, 0, increment);
    this.wantFlush();
  }

  resetStream(stream: Stream, code: number): void {
    if (stream.isDead) return;
    this.#forget(stream);
    this.closedStreams.reset(stream.id);
    if (stream.isKnownToPeer) sendReset(this.output, stream.id, code);
    stream.onDead(false, code);
    this.wantFlush();
    this.onStreamGone();
  }

  /** Resets a stream for a fault of the peer's. */
  #resetFaulty(stream: S, code: number): void {
    this.resetStream(stream, code);
    this.onPeerFault(stream);
  }

  endStream(stream: Stream): void {
    this.streams.delete(stream.id);
    if (stream.remoteDone) {
      this.closedStreams.complete(stream.id);
    } else {
      this.closedStreams.reset(stream.id);
      sendReset(this.output, stream.id, ErrorCode.NO_ERROR);
      this.wantFlush();
    }
    this.onStreamGone();
  }

  /** Ends a stream without telling the peer, which knows. */
  protected loseStream(stream: S): void {
    this.#forget(stream);
    this.closedStreams.complete(stream.id);
    stream.onDead(true, undefined);
    this.onStreamGone();
  }

  #forget(stream: Stream): void {
    stream.isDead = true;
    this.streams.delete(stream.id);
  }

  /** Ends all streams: the connection is lost. */
  protected loseStreams(): void {
    const lost = this.streams.list();
    this.streams.clear();
    for (const stream of lost) {
      stream.isDead = true;
      stream.onDead(true, undefined);
    }
  }

  fill(output: Output): void {
    this.#turns.fill(output);
  }
}
