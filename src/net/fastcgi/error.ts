/** Why a FastCGI exchange failed, and how far it had come. @module */

/** What went wrong. */
export type FastCgiFailure =
  /** Nothing moved in either direction for as long as it may; the user of the connection says so. */
  | "timeout"
  /** The responder closed the connection before the end of its answer. */
  | "closed"
  /** Reading or writing failed. */
  | "reset"
  /** What came is not FastCGI. */
  | "protocol"
  /** The responder says that it will not answer. */
  | "refused"
  /** This side gave up. */
  | "abandoned";

/** An exchange that has no whole answer. */
export class FastCgiError extends Error {
  /**
   * A failed exchange.
   *
   * @param isCutSending The request had not been sent as a whole: the script may have run with a part of it.
   * @param hasAnswered A byte of the answer had come.
   */
  constructor(
    readonly reason: FastCgiFailure,
    message: string,
    readonly isCutSending: boolean,
    readonly hasAnswered: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "FastCgiError";
  }
}
