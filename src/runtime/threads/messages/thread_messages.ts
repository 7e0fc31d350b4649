/**
 * What the keeper and a thread of any role say to each other, over the port that the thread is given with
 * its first message. What a thread gets is typed and not checked; what it sends is checked like any other
 * input, since a thread may have been taken over.
 *
 * @module
 */

/** The first message to a thread; `port` is transferred with it. */
export interface Birth {
  readonly port: MessagePort;
}

/** What orders and reports have in common. */
export interface Message {
  readonly kind: string;
}

/** An order as it is sent; its report carries the same number. */
export interface OrderEnvelope<Order extends Message> {
  readonly id: number;
  readonly order: Order;
}

/** A report as it is sent. */
export interface ReportEnvelope<Report extends Message> {
  /** Number of the order this answers; 0 for what is reported unasked. */
  readonly id: number;
  readonly report: Report;
}

/** What was ordered could not be done; the thread is as it was before. */
export interface Failed {
  readonly kind: "failed";
  readonly reason: string;
  /** The thread has not answered in time; never set by the thread itself. */
  readonly isLate?: boolean;
}

/** A segment of the log ring is full. */
export interface LogFull {
  readonly kind: "log";
}
