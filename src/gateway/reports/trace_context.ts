/**
 * The place of an exchange in a distributed trace: what W3C Trace Context calls `traceparent` and
 * `tracestate`. A module finds it (`Exchange.trace`); the header policy passes it on.
 *
 * @module
 */

/** One exchange's place in its trace. */
export class TraceContext {
  /**
   * A place in a trace.
   *
   * @param traceId 32 lower-case hexadecimal digits.
   * @param parentId Of the span that asked, 16 such digits; `""` at the beginning of a trace.
   * @param spanId Of this exchange, 16 such digits.
   * @param isSampled The flag that is passed on.
   * @param state `tracestate` to be passed on; `""` for none.
   * @param isExported Whether its span is exported, where spans are.
   * @param startMs Wall clock at its beginning, in milliseconds since 1970.
   */
  constructor(
    readonly traceId: string,
    readonly parentId: string,
    readonly spanId: string,
    readonly isSampled: boolean,
    readonly state: string,
    readonly isExported: boolean,
    readonly startMs: number,
  ) {}

  /** The field that is passed on. */
  get traceparent(): string {
    return `00-${this.traceId}-${this.spanId}-${this.isSampled ? "01" : "00"}`;
  }
}
