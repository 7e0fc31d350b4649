/**
 * OTLP in JSON, as the protocol has it: ids in hexadecimal, enumerations as numbers, 64-bit integers as
 * decimal strings. Only what this program sends.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 * @module
 */
import { VERSION } from "../exchange/version.ts";

/** An attribute's value. */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number };

/** An attribute. */
export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** A text as an attribute. */
export function text(key: string, stringValue: string): KeyValue {
  return { key, value: { stringValue } };
}

/** A truth as an attribute. */
export function bool(key: string, boolValue: boolean): KeyValue {
  return { key, value: { boolValue } };
}

/** A whole number as an attribute. */
export function int(key: string, value: number): KeyValue {
  return { key, value: { intValue: String(value) } };
}

/** What everything of this process has in common. */
export function resourceOf(serviceName: string): { readonly attributes: readonly KeyValue[] } {
  return { attributes: [text("service.name", serviceName), text("service.version", VERSION)] };
}

/** What made the spans and points. */
export const SCOPE = { name: "fluxheim", version: VERSION } as const;

/** `SPAN_KIND_SERVER`, `SPAN_KIND_CLIENT`, `SPAN_KIND_INTERNAL`. */
export const SPAN_KIND = { internal: 1, server: 2, client: 3 } as const;
/** `STATUS_CODE_OK`, `STATUS_CODE_ERROR`. */
export const STATUS_CODE = { ok: 1, error: 2 } as const;
/** `AGGREGATION_TEMPORALITY_CUMULATIVE`. */
export const CUMULATIVE = 2;

/** Nanoseconds since 1970 as a decimal string; a number would lose them. */
export function unixNano(ms: number, us = 0): string {
  return String(BigInt(Math.trunc(ms)) * 1_000_000n + BigInt(Math.trunc(us)) * 1_000n);
}
