/**
 * Calls between two threads over a port that the keeper has made for this pair alone. Either end takes what
 * the other sends as input of a stranger: names must be declared, shapes and sizes fit, and every call has
 * a deadline. An end that breaks the rules loses its port.
 *
 * @module
 */
import type { CallOutcome, Calls } from "../../../gateway/threads/calls.ts";
import { isPlain, type Plain } from "../../../gateway/threads/thread.ts";
import { property } from "./thread_report.ts";

/**
 * Calls of one port that may be unanswered at once; one more is refused as busy. One that has missed its
 * deadline is unanswered until the callee has finished it.
 */
export const MAX_PENDING_CALLS = 64;
/** Messages that one end may send in a second before it loses its port. */
const MAX_MESSAGES_PER_SECOND = 10_000;
/** Calls that a caller makes in a second; the callee's seconds begin at other times. */
export const MAX_CALLS_PER_SECOND = MAX_MESSAGES_PER_SECOND / 2;
/** Longest deadline of a call. */
export const MAX_DEADLINE_MS = 600_000;

interface Question {
  readonly id: number;
  readonly name: string;
  readonly input: Plain;
}

type Reply =
  | { readonly id: number; readonly value: Plain }
  /** The callee is busy, or has failed. */
  | { readonly id: number; readonly refusal: "busy" | "failed" };

/** The calling end. */
export class Caller implements Calls {
  readonly #asks: ReadonlySet<string>;
  readonly #callee: string;
  #port: MessagePort | undefined;
  /** Calls that the callee has not answered, those that no longer wait for it among them. */
  readonly #unanswered = new Map<number, (outcome: CallOutcome) => void>();
  readonly #sent = new Rate(MAX_CALLS_PER_SECOND);
  #calls = 0;

  /**
   * @param callee For the reason of a call that has no answer: `keeper`, `service store`.
   * @param asks Names that the caller has declared.
   */
  constructor(callee: string, asks: ReadonlySet<string>) {
    this.#callee = callee;
    this.#asks = asks;
  }

  /** Calls by `port` from now on; what is under way by an earlier one has no answer. */
  connect(port: MessagePort): void {
    this.disconnect("it was replaced");
    this.#port = port;
    const rate = new Rate(MAX_MESSAGES_PER_SECOND);
    port.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (this.#port !== port) return;
      const reply = rate.exceeds() ? undefined : parseReply(data);
      if (reply === undefined) return this.disconnect("it broke the rules of calls");
      this.#unanswered.get(reply.id)?.(outcomeOf(reply, this.#callee));
      this.#unanswered.delete(reply.id);
    };
    port.onmessageerror = () => this.disconnect("its answer cannot be read");
  }

  /** The callee is gone. */
  disconnect(reason: string): void {
    this.#port?.close();
    this.#port = undefined;
    const outcome = unavailable(`${this.#callee}: ${reason}`);
    for (const settle of this.#unanswered.values()) settle(outcome);
    this.#unanswered.clear();
  }

  async call(name: string, input: Plain, deadlineMs: number): Promise<CallOutcome> {
    const port = this.#port;
    if (!this.#asks.has(name)) return unavailable(`${this.#callee}.${name} was not declared`);
    if (port === undefined) return unavailable(`${this.#callee} is not there`);
    if (!isPlain(input)) return unavailable("what was to be sent is too large, or no plain data");
    if (this.#unanswered.size >= MAX_PENDING_CALLS || this.#sent.exceeds()) {
      return unavailable(`${this.#callee} is busy`);
    }
    const id = ++this.#calls;
    const question: Question = { id, name, input };
    try {
      port.postMessage(question);
    } catch {
      return unavailable("what was to be sent cannot be copied");
    }
    const { promise, resolve } = Promise.withResolvers<CallOutcome>();
    this.#unanswered.set(id, resolve);
    const limitMs = Math.max(0, Math.min(deadlineMs, MAX_DEADLINE_MS));
    const late = unavailable(`${this.#callee} has not answered in ${limitMs} ms`);
    const timer = setTimeout(() => resolve(late), limitMs);
    const outcome = await promise;
    clearTimeout(timer);
    return outcome;
  }
}

/** What the called end does with calls. */
export interface Callee {
  /** Names that the calling end has declared. */
  readonly names: ReadonlySet<string>;
  /** What it throws is reported to `onFailure`, and to the caller as a failure without the reason. */
  answer(name: string, input: Plain): Plain | Promise<Plain>;
  onFailure(error: unknown): void;
  /** The calling end has broken the rules; its port is closed. */
  onFault(reason: string): void;
}

/** Takes calls from `port` until the returned function is called. */
export function takeCalls(port: MessagePort, callee: Callee): () => void {
  const rate = new Rate(MAX_MESSAGES_PER_SECOND);
  let pending = 0;
  let isOpen = true;
  const close = () => {
    isOpen = false;
    port.close();
  };
  const fault = (reason: string) => {
    if (!isOpen) return;
    close();
    callee.onFault(reason);
  };
  const reply = (message: Reply) => {
    if (isOpen) port.postMessage(message);
  };
  const answer = async ({ id, name, input }: Question) => {
    pending++;
    try {
      const value = await callee.answer(name, input);
      if (!isPlain(value)) {
        throw new Error(`the answer to "${name}" is too large, or no plain data`);
      }
      reply({ id, value });
    } catch (error) {
      callee.onFailure(error);
      reply({ id, refusal: "failed" });
    } finally {
      pending--;
    }
  };
  port.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (!isOpen) return;
    if (rate.exceeds()) return fault("it floods its port with calls");
    const question = parseQuestion(data);
    if (question === undefined) return fault("it sent a message that is no call");
    if (!callee.names.has(question.name)) return fault("it called what it has not declared");
    if (pending >= MAX_PENDING_CALLS) return reply({ id: question.id, refusal: "busy" });
    void answer(question);
  };
  port.onmessageerror = () => fault("it sent a message that cannot be read");
  return close;
}

function parseQuestion(message: unknown): Question | undefined {
  const id = property(message, "id");
  const name = property(message, "name");
  const input = property(message, "input");
  if (!isId(id) || typeof name !== "string" || !isPlain(input)) return undefined;
  return { id, name, input };
}

function parseReply(message: unknown): Reply | undefined {
  const id = property(message, "id");
  if (!isId(id)) return undefined;
  const refusal = property(message, "refusal");
  if (refusal === "busy" || refusal === "failed") return { id, refusal };
  const value = property(message, "value");
  return isPlain(value) ? { id, value } : undefined;
}

function isId(id: unknown): id is number {
  return typeof id === "number" && Number.isSafeInteger(id) && id > 0;
}

function outcomeOf(reply: Reply, callee: string): CallOutcome {
  if ("value" in reply) return { kind: "answer", value: reply.value };
  return unavailable(reply.refusal === "busy" ? `${callee} is busy` : `${callee} has failed`);
}

/** The outcome of a call without an answer. */
export function unavailable(reason: string): CallOutcome {
  return { kind: "unavailable", reason };
}

/** Counts the messages of a port. */
class Rate {
  readonly #limit: number;
  #count = 0;
  #since = performance.now();

  /** @param limit Messages in a second. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts one more; whether that is too many in this second. */
  exceeds(): boolean {
    const now = performance.now();
    if (now - this.#since >= 1000) {
      this.#count = 0;
      this.#since = now;
    }
    return ++this.#count > this.#limit;
  }
}

/** Stands for the edge workers in `ThreadSpec.asks`. */
export const EDGES = "edges";
/** The name of every call to an edge worker; its message says the rest. */
export const EDGE_CALL = "edge";

/** Names of calls by callee. */
export function askedOf(asks: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const asked = new Map<string, Set<string>>();
  for (const ask of asks) {
    const dot = ask.indexOf(".");
    const [callee, name] = dot < 0 ? [ask, EDGE_CALL] : [ask.slice(0, dot), ask.slice(dot + 1)];
    asked.set(callee, (asked.get(callee) ?? new Set()).add(name));
  }
  return asked;
}
