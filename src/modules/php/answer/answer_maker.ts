/**
 * From a script's output to an answer (spec 07 sections 14 to 17).
 *
 * @module
 */
import { type Body, BytesBody } from "../../../http/body.ts";
import { ClientResponse } from "../../../http/client.ts";
import { Fields } from "../../../http/fields.ts";
import { isBodyless } from "../../../http/status.ts";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { dropCacheFields, translateExpires } from "./cache_control.ts";
import type { CgiHead } from "./cgi_head.ts";
import { declaredLength, stripFields } from "./fields.ts";
import { takeOffload } from "./offload.ts";
import type { Attempt } from "../fpm/attempt.ts";
import { PhpFailure } from "../fpm/failure.ts";
import { OutputReader, StreamedBody } from "../fpm/output.ts";
import type { ErrorText } from "../fpm/stderr.ts";
import { type Job, setOffload } from "../job.ts";
import { note } from "./outcome.ts";
import { emptyAnswer, textAnswer } from "./own_answers.ts";

/** Settings of a `php` table for answers. */
export interface AnswerSettings {
  readonly maxHeadBytes: number;
  readonly hidden: readonly string[];
  readonly ignoresCacheFields: boolean;
  readonly intercepted: ReadonlySet<number>;
  /** Whether a file of this name is source, which is never sent. */
  isSource(name: string): boolean;
  /** The page for a status, if there is one that can be read. */
  page(status: number): { readonly fields: Fields; readonly body: Uint8Array | Body } | undefined;
  /** Told once for each answer, when it wrote to standard error. */
  onErrors(errors: ErrorText): void;
  warn(message: string, exchange: Exchange | undefined): void;
}

/** Makes the answers of one table. */
export class AnswerMaker {
  readonly #settings: AnswerSettings;

  constructor(settings: AnswerSettings) {
    this.#settings = settings;
  }

  /** The answer when all of it has come. @throws {PhpFailure} for what is none. */
  async whole(
    attempt: Attempt,
    errors: ErrorText,
    job: Job,
    exchange: Exchange | undefined,
  ): Promise<ClientResponse> {
    const reader = new OutputReader(this.#settings.maxHeadBytes);
    try {
      const { head, body } = await reader.whole(attempt);
      if (errors.isFailure) throw patternFound();
      const declared = declaredLength(head.fields);
      const isWhole = declared === undefined || declared <= body.length ||
        exchange?.method === "HEAD" || isBodyless(head.status);
      if (!isWhole) this.#markCut(head, declared, body.length, exchange);
      return this.#answer(head, body.length === 0 ? undefined : body, job, exchange);
    } finally {
      if (errors.length > 0) this.#settings.onErrors(errors);
    }
  }

  /** The answer when its head has come; the body follows at its reader's pace. */
  async streamed(
    attempt: Attempt,
    errors: ErrorText,
    job: Job,
    exchange: Exchange | undefined,
  ): Promise<ClientResponse> {
    const reader = new OutputReader(this.#settings.maxHeadBytes);
    try {
      const { head, body } = await reader.beginning(attempt);
      if (errors.isFailure) throw patternFound();
      const streamed = new StreamedBody(attempt, declaredLength(head.fields), body);
      const answer = this.#answer(head, streamed, job, exchange);
      // A file, a page or a refusal takes the place of the script's own.
      if (answer.body !== streamed) streamed.cancel();
      return answer;
    } finally {
      if (errors.length > 0) this.#settings.onErrors(errors);
    }
  }

  /** The order is that of spec 07 section 14. */
  #answer(
    { status, fields }: CgiHead,
    body: Body | undefined,
    { script }: Job,
    exchange: Exchange | undefined,
  ): ClientResponse {
    const { ignoresCacheFields, hidden, intercepted, isSource } = this.#settings;
    translateExpires(fields, Date.now());
    if (ignoresCacheFields) dropCacheFields(fields);
    const offload = takeOffload(fields, script.documentRoot, isSource);
    if (status === 200 && offload !== undefined && exchange !== undefined) {
      if (offload.kind === "file") return offloaded(exchange, offload.path);
      note(exchange, "offload_error");
      return textAnswer(offload.status, offload.status === 403 ? "forbidden" : "bad gateway");
    }
    stripFields(fields, hidden);
    if (intercepted.has(status)) return this.#intercept(status, exchange);
    note(exchange, "response");
    return framed(status, fields, body, exchange);
  }

  #intercept(status: number, exchange: Exchange | undefined): ClientResponse {
    note(exchange, "intercepted");
    const page = this.#settings.page(status);
    if (page === undefined) return emptyAnswer(status);
    const body = page.body instanceof Uint8Array ? new BytesBody(page.body) : page.body;
    return new ClientResponse(status, page.fields, body, undefined);
  }

  /** It is sent, since a browser makes something of it, but no cache may keep it. */
  #markCut(
    { fields }: CgiHead,
    declared: number | undefined,
    length: number,
    exchange: Exchange | undefined,
  ): void {
    dropCacheFields(fields);
    fields.delete("x-accel-expires");
    fields.append("cache-control", "private, no-store");
    this.#settings.warn(
      `an answer has ${length} of the ${declared} bytes that its script declared`,
      exchange,
    );
  }
}

/** The file itself is opened when the answer is made: its conditions and ranges are the request's. */
function offloaded(exchange: Exchange, path: string): ClientResponse {
  note(exchange, "offload");
  setOffload(exchange, path);
  return new ClientResponse(200, new Fields(), undefined, undefined);
}

/** The codec frames what is there; the answer to HEAD has the length that the script gives. */
function framed(
  status: number,
  fields: Fields,
  body: Body | undefined,
  exchange: Exchange | undefined,
): ClientResponse {
  const declared = declaredLength(fields);
  fields.delete("content-length");
  if (isBodyless(status) || status === 205) {
    body?.cancel();
    return new ClientResponse(status, fields, undefined, undefined);
  }
  if (exchange?.method !== "HEAD") {
    return new ClientResponse(status, fields, body ?? new BytesBody(NOTHING), undefined);
  }
  const length = body?.length ?? declared;
  if (length !== undefined) fields.append("content-length", String(length));
  body?.cancel();
  return new ClientResponse(status, fields, undefined, undefined);
}

const NOTHING = new Uint8Array(0);

function patternFound(): PhpFailure {
  const message = "it wrote one of stderr_failure_patterns to standard error";
  return new PhpFailure("invalid_response", message, false, true);
}
