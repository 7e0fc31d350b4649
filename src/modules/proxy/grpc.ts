/**
 * What a gRPC route takes (spec 02 section 4.7).
 *
 * @module
 */
import { trimBlanks } from "../../http/chars.ts";
import { Fields } from "../../http/fields.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";

const NOT_GRPC: Refusal = { status: 415, text: "unsupported media type", cause: "grpc" };

/** The `check` step of a gRPC route. */
export function checkGrpc(exchange: Exchange): void {
  switch (wrongWith(exchange)) {
    case "method":
      // Not a refusal: header policy is applied to 405 (spec 02 section 3.4).
      exchange.status = 405;
      exchange.response = Fields.of(["allow", "POST"], ["content-length", "0"]);
      exchange.responseBody = undefined;
      return;
    case "type":
      refuse(exchange, NOT_GRPC);
  }
}

/** Why a request does not pass {@linkcode checkGrpc}, in words; `undefined` when it does. */
export function explainGrpc(exchange: Exchange): string | undefined {
  switch (wrongWith(exchange)) {
    case "method":
      return `a gRPC route takes POST, not ${exchange.method}`;
    case "type":
      return "a gRPC route takes one content-type of application/grpc";
  }
}

function wrongWith({ method, request }: Exchange): "method" | "type" | undefined {
  if (method !== "POST") return "method";
  const type = request.get("content-type");
  if (type === undefined || request.count("content-type") !== 1 || !isGrpc(type)) return "type";
  return undefined;
}

/** `application/grpc`, or with a `+suffix`, whatever the parameters. */
function isGrpc(type: string): boolean {
  const end = type.indexOf(";");
  const essence = trimBlanks(end < 0 ? type : type.slice(0, end)).toLowerCase();
  return essence === "application/grpc" ||
    (essence.startsWith("application/grpc+") && essence.length > "application/grpc+".length);
}
