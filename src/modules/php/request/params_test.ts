import assert from "node:assert/strict";
import { Fields } from "../../../http/fields.ts";
import { pairsOf, recordsOf } from "../../../net/fastcgi/testing/records.ts";
import { encodeParams, type ParamSettings, type RequestFacts } from "./params.ts";

const SETTINGS: ParamSettings = {
  passesHeaders: true,
  serverPort: undefined,
  vhostName: "shop",
  custom: [["APP_ENV", "production"]],
  keepsConnection: false,
};

const FACTS: RequestFacts = {
  method: "GET",
  version: 11,
  target: "/forum/index.php/t/1?a=1",
  query: "a=1",
  authority: "shop.test:8080",
  fields: new Fields(),
  clientAddress: "192.0.2.7",
  clientPort: 4711,
  localAddress: "192.0.2.1",
  isTls: false,
  scriptName: "/forum/index.php",
  script: {
    kind: "script",
    name: "/index.php",
    filename: "/srv/forum/index.php",
    documentRoot: "/srv/forum",
    pathInfo: "/t/1",
  },
  contentLength: 0,
  hasBody: false,
};

/** What a script sees. */
function seen(facts: Partial<RequestFacts> = {}, settings: Partial<ParamSettings> = {}) {
  const head = encodeParams({ ...FACTS, ...facts }, { ...SETTINGS, ...settings });
  assert.ok(head !== undefined);
  const pairs = recordsOf(head).filter(({ type }) => type === 4).flatMap(({ content }) =>
    pairsOf(content)
  );
  assert.equal(new Set(pairs.map(([name]) => name)).size, pairs.length, "a name comes twice");
  return Object.fromEntries(pairs);
}

function fields(...pairs: readonly (readonly [string, string])[]): Partial<RequestFacts> {
  return { fields: Fields.of(...pairs) };
}

Deno.test("the complete list of parameters", () => {
  assert.deepEqual(seen(), {
    GATEWAY_INTERFACE: "CGI/1.1",
    SERVER_SOFTWARE: "fluxheim",
    SERVER_PROTOCOL: "HTTP/1.1",
    REQUEST_METHOD: "GET",
    SCRIPT_NAME: "/forum/index.php",
    DOCUMENT_URI: "/forum/index.php",
    SCRIPT_FILENAME: "/srv/forum/index.php",
    DOCUMENT_ROOT: "/srv/forum",
    QUERY_STRING: "a=1",
    REQUEST_URI: "/forum/index.php/t/1?a=1",
    REMOTE_ADDR: "192.0.2.7",
    REMOTE_PORT: "4711",
    SERVER_ADDR: "192.0.2.1",
    SERVER_NAME: "shop.test",
    SERVER_PORT: "8080",
    CONTENT_TYPE: "",
    CONTENT_LENGTH: "0",
    REQUEST_SCHEME: "http",
    HTTPS: "off",
    REDIRECT_STATUS: "200",
    HTTP_HOST: "shop.test:8080",
    APP_ENV: "production",
    PATH_INFO: "/t/1",
    PATH_TRANSLATED: "/srv/forum/t/1",
  });
});

Deno.test("fields become variables, and never the proxy of a program", () => {
  const { HTTP_COOKIE, HTTP_X_TEST, HTTP_PROXY, HTTP_X_UNDER_SCORE, HTTP_AUTHORIZATION } = seen(
    fields(
      ["cookie", "a=1"],
      ["cookie", "b=2"],
      ["x-test", "one"],
      ["x-test", "two"],
      ["proxy", "http://evil.test"],
      ["x-under_score", "1"],
      ["authorization", "Basic eA=="],
    ),
  );
  assert.equal(HTTP_COOKIE, "a=1; b=2");
  assert.equal(HTTP_X_TEST, "one, two");
  assert.equal(HTTP_PROXY, undefined);
  assert.equal(HTTP_X_UNDER_SCORE, undefined);
  assert.equal(HTTP_AUTHORIZATION, "Basic eA==");
});

Deno.test("bytes above 127 go on, control characters do not", () => {
  const { HTTP_A, HTTP_B, HTTP_C } = seen(
    fields(["a", "\xdcber"], ["b", "x\x01"], ["b", "y"], ["c", "\x7f"]),
  );
  assert.deepEqual([HTTP_A, HTTP_B, HTTP_C], ["\xdcber", "y", undefined]);
});

Deno.test("joined values stay below 16 KiB", () => {
  const { HTTP_X } = seen(fields(["x", "a".repeat(16_000)], ["x", "b".repeat(1000)], ["x", "c"]));
  assert.equal(HTTP_X, "a".repeat(16_000) + ", c");
  assert.equal(seen(fields(["x", "a".repeat(16_385)])).HTTP_X, undefined);
});

Deno.test("type and length are those of the body that is sent", () => {
  const posted = seen({
    ...fields(["content-type", "text/plain"], ["content-length", "9"]),
    hasBody: true,
    contentLength: 5,
  });
  assert.deepEqual([posted.CONTENT_TYPE, posted.CONTENT_LENGTH], ["text/plain", "5"]);
  assert.deepEqual([posted.HTTP_CONTENT_TYPE, posted.HTTP_CONTENT_LENGTH], [undefined, undefined]);
  assert.equal(seen({ ...fields(["content-type", "a\x00"]), hasBody: true }).CONTENT_TYPE, "");
});

Deno.test("name and port of the server", () => {
  const named = (authority: string, isTls = false, serverPort?: number) => {
    const { SERVER_NAME, SERVER_PORT } = seen({ authority, isTls }, { serverPort });
    return `${SERVER_NAME} ${SERVER_PORT}`;
  };
  assert.equal(named("a.test"), "a.test 80");
  assert.equal(named("a.test", true), "a.test 443");
  assert.equal(named("[::1]:8080"), "[::1] 8080");
  assert.equal(named("[::1]"), "[::1] 80");
  assert.equal(named(""), "shop 80");
  assert.equal(named("a.test:81", false, 8443), "a.test 8443");
});

Deno.test("without request headers there is no HTTP_ variable", () => {
  const names = Object.keys(seen(fields(["x-a", "1"]), { passesHeaders: false }));
  assert.deepEqual(names.filter((name) => name.startsWith("HTTP_")), []);
});

Deno.test("a value that is longer than a record has no request", () => {
  const query = "x".repeat(70_000);
  assert.equal(encodeParams({ ...FACTS, query }, SETTINGS), undefined);
});
