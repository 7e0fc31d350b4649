/**
 * What a gRPC route takes (spec 02 section 4.7).
 *
 * @module
 */
import { Fields } from "../../http/fields.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import { type Refusal, refuse } from "../../gateway/refusal.ts";

const NOT_GRPC: Refusal = { status: 415, text: "unsupported media type", cause: "grpc" };

/** The `check` step of a gRPC route. */
export function checkGrpc(exchange: Exchange): void {
  if (exchange.method !== "POST") {
    // Not a refusal: header policy is applied to 405 (spec 02 section 3.4).
    exchange.status = 405;
    exchange.response = Fields.of(["allow", "POST"], ["content-length", "0"]);
    exchange.responseBody = undefined;
    return;
  }
  const { request } = exchange;
  const type = request.get("content-type");
  if (type === undefined || request.count("content-type") !== 1 || !isGrpc(type)) {
    refuse(exchange, NOT_GRPC);
  }
}

/** `application/grpc`, or with a `+suffix`, whatever the parameters. */
function isGrpc(type: string): boolean {
  const end = type.indexOf(";");
  const essence = (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
  return essence === "application/grpc" ||
    (essence.startsWith("application/grpc+") && essence.length > "application/grpc+".length);
}
