/**
 * One stream: what servers and clients have in common. A message goes out in turns that the connection
 * gives, a message comes in as frames that the connection hands over.
 *
 * @module
 */
import type { BodyError } from "../body.ts";
import type { Fields } from "../fields.ts";
import { LARGE_BYTES } from "../../net/buffers.ts";
import type { Clock } from "../../net/clock.ts";
import { sendWindowUpdate } from "./wire/control_frames.ts";
import { ReceiveWindow } from "./wire/flow_control.ts";
import { Flag, FrameType, MAX_FRAME_BYTES } from "./wire/frames.ts";
import type { HeadWriter } from "./heads/head_writer.ts";
import type { BodyOwner, IncomingBody } from "./incoming_body.ts";
import type { BodyWaiter, OutgoingBody } from "./outgoing_body.ts";
import type { Output } from "./wire/output.ts";
import type { WorkBudget } from "./wire/work_budget.ts";

/** Window of every stream: octets of a body that may wait unread. A large buffer holds them. */
export const STREAM_WINDOW = LARGE_BYTES;

/** The connection as its streams see it. */
export interface StreamHost {
  readonly clock: Clock;
  readonly output: Output;
  readonly heads: HeadWriter;
  /** For what the peer does without use. */
  readonly work: WorkBudget;
  /** What all streams together may still send. */
  sendWindow: number;
  /** The stream has something to send. */
  wantTurn(stream: Stream): void;
  /** Something was put into the output outside of a turn. */
  wantFlush(): void;
  /** Ends the stream with RST_STREAM. */
  resetStream(stream: Stream, code: number): void;
  /** The stream is over: both directions are done, or the rest of the peer's is not wanted. */
  endStream(stream: Stream): void;
  /** Octets of a body are done with. */
  creditConnection(count: number): void;
}

/** A stream of either side. */
export abstract class Stream implements BodyOwner, BodyWaiter {
  /** The next one that waits for its turn; kept by the connection, as is `isQueued`. */
  nextInTurn: Stream | undefined = undefined;
  isQueued = false;
  /** END_STREAM was sent, or received. */
  localDone = false;
  remoteDone = false;
  /** Reset by either side, or lost with its connection. */
  isDead = false;
  incoming: IncomingBody | undefined = undefined;
  protected outgoing: OutgoingBody | undefined = undefined;
  /** `Clock.now` when it last sent something or ran out of window. */
  protected sentAt = 0;
  /** It has octets to send and no window for them. */
  protected isBlocked = false;
  /** Its head has been put into the output. */
  protected headSent = false;
  /** Most requests have no body, and need none. */
  #receiveWindow: ReceiveWindow | undefined = undefined;

  /** @param sendWindow What the stream may send at first: the peer's INITIAL_WINDOW_SIZE. */
  constructor(readonly host: StreamHost, readonly id: number, public sendWindow: number) {}

  /** Whether the peer may have heard of the stream, so that its end can be sent. */
  abstract readonly isKnownToPeer: boolean;

  /** Writes the head of the message, with END_STREAM if no body follows. */
  protected abstract writeHead(endStream: boolean): void;
  /** Body octets have been put into the output. */
  protected abstract onSent(count: number): void;
  /**
   * The body is found broken before the head was sent.
   *
   * @returns Whether there is another message now, without a body.
   */
  protected refuseInstead(_reason: unknown): boolean {
    return false;
  }
  /**
   * The body cannot be completed.
   *
   * @returns The code that the stream is reset with.
   */
  protected abstract onSendFailed(reason: unknown): number;
  /** The last octet of the message has been put into the output. */
  protected abstract onLocalDone(): void;
  /** The peer's message is complete, and this side's is not yet. */
  protected abstract onRemoteDone(): void;
  /**
   * The stream was reset, or its connection is gone. Called once.
   *
   * @param code Of the reset, from whichever side; undefined when the connection is gone.
   */
  abstract onDead(byPeer: boolean, code: number | undefined): void;
  /** Once a tick, while the stream lives. */
  abstract sweep(now: number): void;

  abstract onBodyAwaited(): void;
  abstract onBodyRead(count: number): BodyError | undefined;
  abstract onBodyCancelled(): void;

  /**
   * Sends what one turn may send: the head, and one DATA frame.
   *
   * @returns Whether it wants another turn.
   */
  takeTurn(output: Output): boolean {
    if (this.isDead || this.localDone) return false;
    let body = this.outgoing;
    body?.pull();
    if (!this.headSent) {
      if (body?.failure !== undefined && this.refuseInstead(body.failure)) {
        body = this.outgoing = undefined;
      }
      this.headSent = true;
      this.writeHead(body === undefined);
    }
    if (body === undefined) {
      this.#finishSending();
      return false;
    }
    if (body.failure !== undefined) {
      this.host.resetStream(this, this.onSendFailed(body.failure));
      return false;
    }
    const { available } = body;
    if (available > 0) return this.#sendData(output, body, available);
    if (body.isComplete) this.#sendEnd(output, body);
    return false;
  }

  #sendData(output: Output, body: OutgoingBody, available: number): boolean {
    const { host } = this;
    const count = Math.min(available, MAX_FRAME_BYTES, this.sendWindow, host.sendWindow);
    if (count <= 0) {
      if (!this.isBlocked) {
        this.isBlocked = true;
        this.sentAt = host.clock.now;
      }
      // Without a window of its own it waits for WINDOW_UPDATE; for the connection's it keeps its place.
      return this.sendWindow > 0;
    }
    const isLast = count === available && body.isComplete && body.trailers === undefined;
    const at = output.frame(count, FrameType.DATA, isLast ? Flag.END_STREAM : 0, this.id);
    body.copy(output.bytes, at, count);
    this.sendWindow -= count;
    host.sendWindow -= count;
    this.isBlocked = false;
    this.sentAt = host.clock.now;
    host.work.onDataSent(count, count < available && count < MAX_FRAME_BYTES);
    this.onSent(count);
    if (isLast) this.#finishSending();
    return !isLast;
  }

  #sendEnd(output: Output, body: OutgoingBody): void {
    const { trailers } = body;
    if (trailers !== undefined && trailers.size > 0) this.host.heads.trailers(trailers, this.id);
    else output.frame(0, FrameType.DATA, Flag.END_STREAM, this.id);
    this.#finishSending();
  }

  #finishSending(): void {
    this.localDone = true;
    this.onLocalDone();
    if (this.remoteDone) this.host.endStream(this);
  }

  /**
   * A piece of the peer's message, `from[start, end)`.
   *
   * @returns Whether it is right: not before the head, and no other length than was announced.
   */
  receive(from: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const body = this.incoming;
    if (body === undefined) return false;
    const total = body.arrived + end - start;
    if (body.length !== undefined && (total > body.length || isLast && total < body.length)) {
      this.onBodyDropped(end - start);
      return false;
    }
    if (end > start) body.arrive(from, start, end);
    if (isLast) this.endReceiving(undefined);
    return true;
  }

  /**
   * The fields after the peer's message, which end it.
   *
   * @returns Whether they may come here.
   */
  receiveTrailers(trailers: Fields): boolean {
    const body = this.incoming;
    if (body === undefined) return false;
    if (body.length !== undefined && body.arrived < body.length) return false;
    this.endReceiving(trailers);
    return true;
  }

  /** The peer's message is complete. */
  protected endReceiving(trailers: Fields | undefined): void {
    this.remoteDone = true;
    this.incoming?.end(trailers);
    if (this.localDone) this.host.endStream(this);
    else this.onRemoteDone();
  }

  onBodyReady(): void {
    this.host.wantTurn(this);
  }

  /** The peer gave more window. */
  onWindow(): void {
    if (this.isBlocked) this.host.wantTurn(this);
  }

  /** Counts octets that the peer sent; `false` when it had no right to. */
  takeWindow(count: number): boolean {
    this.#receiveWindow ??= new ReceiveWindow(STREAM_WINDOW);
    return this.#receiveWindow.take(count);
  }

  /** Octets are done with: gives them back to the stream, if it goes on, and to the connection. */
  credit(count: number): void {
    this.host.creditConnection(count);
    if (this.remoteDone || this.isDead) return;
    const increment = this.#receiveWindow?.give(count) ?? 0;
    if (increment === 0) return;
    sendWindowUpdate(this.host.output, this.id, increment);
    this.host.wantFlush();
  }

  onBodyDropped(count: number): void {
    this.host.creditConnection(count);
  }
}
