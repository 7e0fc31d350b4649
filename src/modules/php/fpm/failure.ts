/** Why there is no answer from php-fpm, in the words of metrics (spec 07 section 7). @module */
import { DialError } from "../../../net/dial/dial.ts";
import { FastCgiError } from "../../../net/fastcgi/mod.ts";

/** `outcome` of a failure. */
export type FailureOutcome =
  | "connect_timeout"
  | "request_timeout"
  | "connection_error"
  | "configuration_error"
  | "invalid_response"
  | "fpm_error";

/** An attempt without an answer. */
export class PhpFailure extends Error {
  /**
   * A failed attempt.
   *
   * @param isUnsent Nothing of the request was sent: it may be asked anywhere else, whatever its method.
   * @param hasAnswered A byte of an answer had come.
   * @param isOversized The answer was larger than may be: it would be again.
   */
  constructor(
    readonly outcome: FailureOutcome,
    message: string,
    readonly isUnsent: boolean,
    readonly hasAnswered: boolean,
    readonly isOversized = false,
  ) {
    super(message);
    this.name = "PhpFailure";
  }
}

/** What an error of the dialler or of a connection comes to; anything else is no failure of php-fpm. */
export function failureOf(error: unknown): PhpFailure | undefined {
  if (error instanceof PhpFailure) return error;
  if (error instanceof DialError) {
    return new PhpFailure(dialOutcome(error), error.message, true, false);
  }
  if (error instanceof FastCgiError) {
    const { reason, message, isCutSending, hasAnswered } = error;
    const outcome = reason === "timeout" ? "request_timeout" : "fpm_error";
    const text = isCutSending ? `cut while sending: ${message}` : message;
    return new PhpFailure(outcome, text, false, hasAnswered);
  }
  return undefined;
}

function dialOutcome({ reason }: DialError): FailureOutcome {
  if (reason === "timeout") return "connect_timeout";
  return reason === "not_permitted" ? "fpm_error" : "connection_error";
}
