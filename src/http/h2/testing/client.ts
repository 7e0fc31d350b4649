/**
 * What the tests of the client share.
 *
 * @module
 */
import assert from "node:assert/strict";
import { memoryPair, type MemoryStream, RawPeer, settle } from "./connection.ts";
import { ClientError, type ClientErrorStage, type ClientRequest } from "../../client.ts";
import { Fields } from "../../fields.ts";
import { Clock } from "../../../net/clock.ts";
import { Http2Client, type Http2ClientOptions } from "../client.ts";
import { FrameType } from "../wire/frames.ts";

/** A client, and the raw peer it is connected to. */
export interface Connected {
  readonly client: Http2Client;
  readonly peer: RawPeer;
  readonly clock: Clock;
  readonly stream: MemoryStream;
  readonly far: MemoryStream;
  readonly closed: Promise<void>;
}

/** Connects a client to a raw peer that has sent its SETTINGS. Time moves only by `clock.tick`. */
export async function connect(
  options: Partial<Http2ClientOptions> = {},
  settings?: Uint8Array,
): Promise<Connected> {
  const [stream, far] = memoryPair();
  const clock = new Clock();
  clock.tick(1000);
  const client = new Http2Client(stream, {
    clock,
    timeouts: { readMs: 0, sendMs: 0, idleMs: 0 },
    maxStreams: 100,
    pingIntervalMs: 0,
    ...options,
  });
  const closed = new Promise<void>((resolve) => client.onClosed = resolve);
  const peer = new RawPeer(far);
  await peer.welcome(settings);
  await peer.until(FrameType.SETTINGS);
  await settle();
  return { client, peer, clock, stream, far, closed };
}

/** A request; a GET unless given. */
export function request(more: Partial<ClientRequest> = {}): ClientRequest {
  return {
    method: "GET",
    target: "/a?b",
    scheme: "https",
    authority: "origin.test",
    fields: new Fields(),
    body: undefined,
    upgrade: undefined,
    ...more,
  };
}

/** Waits for a request that must fail at `stage`. */
export async function fails(
  promise: Promise<unknown>,
  stage: ClientErrorStage,
): Promise<ClientError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof ClientError, `${error}`);
  assert.equal(error.stage, stage, error.message);
  return error;
}

/** Ends both sides. */
export async function end({ peer, client, closed }: Connected): Promise<void> {
  client.abort();
  peer.close();
  await closed;
}
