/**
 * What modules say of a finished exchange in its span: `EdgeModule.extends` names the entries. A build that
 * exports no spans asks for none of them.
 *
 * @module
 */
import type { Exchange } from "../exchange/exchange.ts";
import { ExtensionPoint } from "../extension.ts";

/** One attribute of a span. */
export interface SpanAttribute {
  /** `fluxheim.compression.encoding`: lower case, with dots. */
  readonly key: string;
  /** Its value; `undefined` for an exchange that has none. Nothing that a client has sent. */
  of(exchange: Exchange): string | number | boolean | undefined;
}

/** A part of an exchange that has a span of its own, a child of that of the exchange. */
export interface SpanPart {
  /** `cache lookup`: lower-case words. */
  readonly name: string;
  /** When it began within the exchange and how long it took, in microseconds; `undefined` where there was none. */
  of(exchange: Exchange): readonly [at: number, us: number] | undefined;
}

/** The parts of a build. */
export const SPAN_PARTS: ExtensionPoint<SpanPart> = new ExtensionPoint<SpanPart>(
  "otel-otlp.span_part",
);

/** The attributes of a build. */
export const SPAN_ATTRIBUTES: ExtensionPoint<SpanAttribute> = new ExtensionPoint<SpanAttribute>(
  "otel-otlp.span_attribute",
);
