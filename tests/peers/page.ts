/**
 * A page in Chromium that a test looks at and acts on, over the DevTools protocol.
 *
 * @module
 */
import { until } from "../testing/peer.ts";
import { Chromium } from "./chromium.ts";

// deno-lint-ignore no-explicit-any -- what a browser answers is looked into by tests
type Answer = any;

/** One page. */
export class Page implements AsyncDisposable {
  /** Errors, and violations of the page's own policy, as the browser logs them. */
  readonly complaints: string[] = [];
  readonly #socket: WebSocket;
  readonly #browser: Chromium;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #sent = 0;

  private constructor(browser: Chromium, socket: WebSocket) {
    this.#browser = browser;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#onMessage(JSON.parse(data));
  }

  /** @param flags More for the browser, such as `--ignore-certificate-errors`. */
  static async open(url: string, flags: readonly string[] = []): Promise<Page> {
    const browser = new Chromium("about:blank", ["--remote-debugging-port=0", ...flags]);
    let port = "";
    await until("the browser can be steered", () => {
      port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(browser.process.output)?.[1] ??
        "";
      return port !== "";
    });
    let target = "";
    await until("it has a page", async () => {
      const list: Answer[] = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
      target = list.find(({ type }) => type === "page")?.webSocketDebuggerUrl ?? "";
      return target !== "";
    });
    const socket = new WebSocket(target);
    await new Promise((resolve) => socket.onopen = resolve);
    const page = new Page(browser, socket);
    for (const domain of ["Page", "Runtime", "Log"]) await page.send(`${domain}.enable`);
    await page.send("Page.navigate", { url });
    return page;
  }

  async send(method: string, params: Record<string, unknown> = {}): Promise<Answer> {
    const id = ++this.#sent;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#answers.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return await promise;
  }

  /** The value of an expression, which may be a promise. */
  async evaluate(expression: string): Promise<Answer> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result } = await this.send("Runtime.evaluate", params);
    return result.result.value;
  }

  /** Waits until an expression is true. */
  shows(what: string, expression: string): Promise<void> {
    return until(what, async () => await this.evaluate(`Boolean(${expression})`) === true);
  }

  async press(key: string, code = key): Promise<void> {
    const text = key === "Enter" ? "\r" : undefined;
    const codes: Record<string, number> = { Enter: 13, Tab: 9, Escape: 27 };
    const more = { key, code, text, windowsVirtualKeyCode: codes[key] };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...more });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...more, text: undefined });
  }

  async type(text: string): Promise<void> {
    await this.send("Input.insertText", { text });
  }

  async size(width: number, scheme: "light" | "dark"): Promise<void> {
    const metrics = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send("Emulation.setDeviceMetricsOverride", metrics);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.send("Emulation.setEmulatedMedia", { features });
  }

  async screenshot(path: string): Promise<void> {
    const { result } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
    await Deno.writeFile(path, Uint8Array.fromBase64(result.data));
  }

  #onMessage(message: Answer): void {
    if (message.id !== undefined) {
      this.#answers.get(message.id)?.(message);
      this.#answers.delete(message.id);
      return;
    }
    if (message.method === "Runtime.exceptionThrown") {
      this.complaints.push(JSON.stringify(message.params.exceptionDetails));
    }
    if (message.method === "Log.entryAdded") this.complaints.push(message.params.entry.text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    await closed;
    await this.#browser[Symbol.asyncDispose]();
  }
}
