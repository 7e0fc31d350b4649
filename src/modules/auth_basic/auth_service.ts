/**
 * The service that knows the hashes of passwords. Hashing is slow on purpose: it takes a thread of its own,
 * and a queue with a bound, so that no worker waits for it.
 *
 * @module
 */
import type { Files } from "../../gateway/module.ts";
import type { RunningService, Service, ServiceContext } from "../../gateway/threads/service.ts";
import type { Plain } from "../../gateway/threads/thread.ts";
import { Attempts } from "./attempts.ts";
import { hasHash } from "./hashes.ts";
import { VERIFY_MS } from "./table.ts";
import { readUsers } from "./users.ts";

/** Passwords that wait for the one that is hashed. */
const MAX_WAITING = 32;
/** How long the workers may take to forget what they know. */
const FORGET_MS = 2_000;

/** The service. */
export const auth: Service = {
  module: "auth-basic",
  role: "auth",
  start(context): Promise<RunningService> {
    const part = new AuthPart(context);
    return Promise.resolve({
      takes: ["verify"],
      reload: (_config, files) => part.reload(files),
      call: (_name, input) => part.verify(input),
      stop: () => Promise.resolve(),
    });
  },
};

class AuthPart {
  readonly #context: ServiceContext;
  #files: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #attempts = new Attempts();
  #waiting = 0;
  /** Ends with the hash that is being computed: they run one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(context: ServiceContext) {
    this.#context = context;
    this.#files = usersOf(context.files);
  }

  async reload(files: Files): Promise<void> {
    this.#files = usersOf(files);
    // Workers may have asked by the new configuration while the old files were here.
    const { unanswered } = await this.#context.edges.call("forget", FORGET_MS);
    if (unanswered === 0) return;
    this.#context.log.log(
      "warn",
      "fluxheim::security",
      "a worker may use a password of the previous file for up to a minute",
    );
  }

  verify(input: Plain): Promise<Plain> {
    const asked = questionIn(input);
    const hashes = asked && this.#files.get(asked.file);
    if (asked === undefined || hashes === undefined) return Promise.resolve({ verdict: "failed" });
    const wait = this.#attempts.waitSecs(asked.source);
    if (wait > 0) return Promise.resolve({ verdict: "throttled", secs: wait });
    if (this.#waiting === MAX_WAITING) return Promise.resolve({ verdict: "busy" });
    this.#waiting++;
    const since = performance.now();
    const verdict = this.#last.then(async (): Promise<Plain> => {
      try {
        // The worker has given up, and its client has an answer.
        if (performance.now() - since > VERIFY_MS) return { verdict: "busy" };
        return await this.#judge(asked, hashes);
      } finally {
        this.#waiting--;
      }
    });
    this.#last = verdict.catch(() => {});
    return verdict;
  }

  async #judge(
    { user, password, source }: Question,
    hashes: ReadonlyMap<string, string>,
  ): Promise<Plain> {
    const own = hashes.get(user);
    // A name that is not there costs what others cost, or the time would say which are.
    const [some] = hashes.values();
    const hash = own ?? some;
    const isRight = hash !== undefined && await hasHash(password, hash) && own !== undefined;
    if (isRight) return { verdict: "right" };
    this.#attempts.fail(source);
    return { verdict: "wrong" };
  }
}

/** What a worker asks. */
interface Question {
  readonly file: string;
  readonly user: string;
  readonly password: string;
  /** The client's address. */
  readonly source: string;
}

function questionIn(input: Plain): Question | undefined {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return undefined;
  const { file, user, password, source } = input as { readonly [key: string]: Plain };
  return typeof file === "string" && typeof user === "string" && typeof password === "string" &&
      typeof source === "string"
    ? { file, user, password, source }
    : undefined;
}

function usersOf(files: Files): ReadonlyMap<string, ReadonlyMap<string, string>> {
  return new Map([...files].map(([path, bytes]) => [path, readUsers(bytes).hashes]));
}
