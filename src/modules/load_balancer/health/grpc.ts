/** `grpc.health.v1.Health/Check` over HTTP/2 (spec 03 section 12.6). @module */
import { BytesBody } from "../../../http/body.ts";
import { Asker, type ProbeAnswer } from "./asking.ts";
import { weightIn } from "./http.ts";
import { fail, PASS, type ProbeProtocol, type ProbeResult } from "./probe.ts";

const CHECK = "/grpc.health.v1.Health/Check";
const FRAME_HEAD = 5;
const SERVING = 1;

export const grpc: ProbeProtocol = {
  name: "grpc",
  open(context) {
    const { config } = context;
    const asker = new Asker({
      ...context,
      target: (address) => ({ ...context.target(address), version: "http2" }),
    });
    const message = checkRequest(config.grpc_service);
    const question = {
      method: "POST",
      target: CHECK,
      fields: [
        ["content-type", "application/grpc"],
        ["te", "trailers"],
        ...config.request_headers.map(({ name, value }) => [name, value] as const),
      ] as const,
      body: () => new BytesBody(message),
    };
    const judge = (answer: ProbeAnswer): ProbeResult =>
      judgeAnswer(answer, config.health_weight_min_percent);
    return {
      check: (address) => asker.ask(address, question, judge),
      retain: (addresses) => asker.retain(addresses),
      close: () => asker.close(),
    };
  },
};

/** The framed request: field 1 is the service, left out for the server as a whole. */
export function checkRequest(service: string | undefined): Uint8Array {
  const name = new TextEncoder().encode(service ?? "");
  const size = name.length < 128 ? [name.length] : [(name.length & 0x7f) | 0x80, name.length >> 7];
  const message = service === undefined ? [] : [0x0a, ...size, ...name];
  return Uint8Array.of(0, 0, 0, message.length >> 8, message.length & 0xff, ...message);
}

function judgeAnswer({ status, fields, body, trailers }: ProbeAnswer, least: number): ProbeResult {
  if (status !== 200) return fail(`it answered ${status}`);
  if (fields.get("content-type")?.startsWith("application/grpc") !== true) {
    return fail("its answer is not gRPC");
  }
  const weight = weightIn(fields, least);
  if (weight === undefined) return fail("its X-Health-Weight is not a number from 1 to 100");
  const code = trailers?.get("grpc-status");
  if (code !== "0") {
    return fail(`its gRPC status is ${/^\d{1,3}$/.test(code ?? "") ? code : "missing"}`);
  }
  const message = onlyMessage(body);
  if (message === undefined) return fail("its answer is not one message");
  const serving = servingStatus(message);
  if (serving === undefined) return fail("its message cannot be read");
  if (serving !== SERVING) return fail("it is not serving");
  return weight === 0 ? PASS : { kind: "pass", weight };
}

/** The message of a body that is exactly one frame without compression. */
function onlyMessage(body: Uint8Array): Uint8Array | undefined {
  if (body.length < FRAME_HEAD || body[0] !== 0) return undefined;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  return body.length === FRAME_HEAD + length ? body.subarray(FRAME_HEAD) : undefined;
}

/** Field 1 of a message; 0 where it has none, `undefined` where it is no message. */
export function servingStatus(message: Uint8Array): number | undefined {
  let at = 0;
  let status = 0;
  const varint = (): number | undefined => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      if (at >= message.length) return undefined;
      const byte = message[at++];
      value += (byte & 0x7f) * 2 ** (7 * i);
      if ((byte & 0x80) === 0) return i > 0 && byte === 0 ? undefined : value;
    }
    return undefined;
  };
  while (at < message.length) {
    const tag = varint();
    if (tag === undefined) return undefined;
    const [field, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) {
      const value = varint();
      if (value === undefined) return undefined;
      if (field === 1) status = value;
    } else {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? varint() : undefined;
      if (length === undefined || at + length > message.length) return undefined;
      at += length;
    }
  }
  return status;
}
