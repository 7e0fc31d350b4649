/**
 * A real browser, headless, with a profile of its own. It never speaks to anything but the page it is given.
 *
 * @module
 */
import { find, Process, TempDir } from "../testing/peer.ts";

/** Without these it tries to reach its maker, and asks for a sandbox that root does not get. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.test, EXCLUDE 127.0.0.1",
];

/** A browser that has opened `url`; it is gone when it is disposed of. */
export class Chromium implements AsyncDisposable {
  readonly #profile = new TempDir();
  readonly process: Process;

  /** @param flags More of them, such as `--ignore-certificate-errors`. */
  constructor(url: string, flags: readonly string[] = []) {
    this.process = new Process(find("chromium")!, [
      ...FLAGS,
      `--user-data-dir=${this.#profile.path}`,
      ...flags,
      url,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    // Its helpers may write for a moment after it has ended.
    for (let attempt = 0;; attempt++) {
      try {
        return await this.#profile[Symbol.asyncDispose]();
      } catch (error) {
        if (attempt === 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}
