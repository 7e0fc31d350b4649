/**
 * What a gRPC route takes (spec 02 section 4.7).
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange.ts";
import { type Refusal, refuse } from "../../gateway/refusal.ts";

const POST_ONLY: Refusal = { status: 405, text: "", cause: "grpc", fields: [["allow", "POST"]] };
const NOT_GRPC: Refusal = { status: 415, text: "unsupported media type", cause: "grpc" };

/** The `check` step of a gRPC route. */
export function checkGrpc(exchange: Exchange): void {
  if (exchange.method !== "POST") {
    refuse(exchange, POST_ONLY);
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
