/** A browser without a screen, for forms and cookies. @module */

/** A page that a browser has fetched. */
export interface Page {
  readonly path: string;
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** A browser without a screen: it keeps cookies and follows no redirect. */
export class Browser {
  readonly cookies = new Map<string, string>();

  /** @param base `http://host:port`. */
  constructor(readonly base: string, readonly client?: Deno.HttpClient) {}

  async get(path: string, headers: Record<string, string> = {}): Promise<Page> {
    return await this.#ask(path, { headers });
  }

  async post(
    path: string,
    form: Record<string, string> | FormData,
    headers: Record<string, string> = {},
  ): Promise<Page> {
    const body = form instanceof FormData ? form : new URLSearchParams(form);
    return await this.#ask(path, { method: "POST", body, headers });
  }

  async send(
    method: string,
    path: string,
    json: unknown,
    headers: Record<string, string> = {},
  ): Promise<Page> {
    return await this.#ask(path, {
      method,
      body: JSON.stringify(json),
      headers: { "content-type": "application/json", ...headers },
    });
  }

  async #ask(path: string, init: RequestInit): Promise<Page> {
    const headers = new Headers(init.headers);
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    if (cookie !== "") headers.set("cookie", cookie);
    const options: RequestInit & { client?: Deno.HttpClient } = {
      ...init,
      headers,
      redirect: "manual",
    };
    if (this.client !== undefined) options.client = this.client;
    const response = await fetch(`${this.base}${path}`, options);
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(";", 1);
      const at = pair.indexOf("=");
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return {
      path,
      status: response.status,
      text: await response.text(),
      headers: response.headers,
    };
  }
}
