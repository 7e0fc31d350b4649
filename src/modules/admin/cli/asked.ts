/** One question of a command to the running gateway, with what keeps it from being answered said. @module */
import type { CommandCall } from "../../../gateway/command.ts";
import { type Answer, ask, nameOf, type Target, Unreachable } from "./client.ts";
import { targetOf } from "./target.ts";

/** What is asked. */
export interface Question {
  /** `GET` unless given; what is to be changed is asked of the admin API, since the ops socket only reads. */
  readonly method?: "GET" | "POST";
  /** Below `/_fluxheim/`: `status`. */
  readonly path: string;
  /** Inputs. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer of the gateway that the options of `call` name, or `undefined` after it was said why there is none. */
export async function asked(
  call: CommandCall,
  { method = "GET", path, headers = {} }: Question,
): Promise<Answer | undefined> {
  const target = await targetOf(call, method === "POST");
  if (target === undefined) return undefined;
  if (typeof target === "string") {
    call.err(`fluxheim: ${target}`);
    return undefined;
  }
  try {
    const answer = await ask(target, method, path, headers);
    if (answer.status === 200) return answer;
    call.err(`fluxheim: ${refusal(target, answer)}`);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    call.err(`fluxheim: ${error.message}`);
  }
  return undefined;
}

function refusal(target: Target, { status, body }: Answer): string {
  const name = nameOf(target);
  const text = printable(String(body.error ?? ""));
  switch (status) {
    case 401:
      return `${name} asks for another token: name its file with --token-file`;
    case 429:
      return `${name} has locked this address out after wrong tokens; wait and try again`;
    default:
      return `${name} has answered ${status}: ${text}`;
  }
}

/** A name comes from a configuration: nothing of it may steer a terminal. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- those are what is replaced
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}
