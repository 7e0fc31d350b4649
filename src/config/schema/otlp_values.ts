/** Values of the tables of OTLP exporters. @module */
import { z } from "zod";
import { valueKinds } from "./values.ts";

/** `service.name`: 1 to 128 visible ASCII characters. */
export function serviceName() {
  return z.string().regex(/^[!-~]{1,128}$/, {
    error: "must be 1 to 128 visible ASCII characters",
  }).register(valueKinds, { type: "name", allowed: "1 to 128 visible ASCII characters" });
}
