/**
 * Answers to HTTP-01 challenges: in memory for those of this process, on disk for those of other gateways with the
 * same storage and of the companion (spec 05 sections 6.5 and 6.7).
 *
 * @module
 */
import { isToken, segmentOf } from "../storage_names.ts";
import { putFile, readIfThere, removeIfThere } from "./files.ts";

const MODE = 0o644;
const MAX_AUTHORIZATION_BYTES = 4096;

/** Files with answers. */
export class ChallengeStore {
  readonly #root: string;

  constructor(storage: string) {
    this.#root = `${storage}/http-01`;
  }

  /** Makes an answer readable for every gateway with this storage. */
  publish(vhost: string, token: string, keyAuthorization: string): void {
    putFile(this.#pathOf(vhost, token), new TextEncoder().encode(keyAuthorization), MODE);
  }

  /** Removes an answer. */
  remove(vhost: string, token: string): void {
    removeIfThere(this.#pathOf(vhost, token));
  }

  /** The answer to `token` for one of `vhosts`; `undefined` where there is none. */
  find(vhosts: readonly string[], token: string): string | undefined {
    if (!isToken(token)) return undefined;
    for (const vhost of vhosts) {
      const content = readIfThere(this.#pathOf(vhost, token), MAX_AUTHORIZATION_BYTES);
      if (content === undefined) continue;
      const text = new TextDecoder().decode(content).replace(/[\r\n]+$/, "");
      // deno-lint-ignore no-control-regex -- such a file is not an answer
      if (text !== "" && !/[\u0000-\u001f\u007f]/.test(text)) return text;
    }
    return undefined;
  }

  #pathOf(vhost: string, token: string): string {
    return `${this.#root}/${segmentOf(vhost)}/${token}`;
  }
}
