/** Orders and renewals against an issuer that misbehaves (spec 05 section 6.9). */
import assert from "node:assert/strict";
import { FakeIssuer, problem } from "./testing/fake_issuer.ts";
import { DAY, Fixture, HOUR } from "./testing/renewer_fixture.ts";

Deno.test("a certificate is ordered once, and not again before it is due", async () => {
  await using fixture = new Fixture();
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(await fixture.renew(), "it is not due");
  fixture.pass(59 * DAY);
  assert.equal(await fixture.renew(), "it is not due");
  fixture.pass(2 * DAY);
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(fixture.issuer.count("newAccount"), 1);
  assert.equal(fixture.issuer.count("newOrder"), 2);
  assert.deepEqual(fixture.published, []);
});

Deno.test("ten starts in two minutes cost an issuer that refuses two orders at most", async () => {
  await using fixture = new Fixture();
  fixture.issuer.rules.push(({ kind, order }) => {
    if (kind === "challenge" && order !== undefined) order.authorization = order.status = "invalid";
    return kind === "challenge" ? Response.json({}) : undefined;
  });
  for (let start = 0; start < 10; start++) {
    fixture.restart();
    await fixture.renew();
    fixture.pass(12);
  }
  assert.ok(fixture.issuer.count("newOrder") <= 2);
});

Deno.test("an issuer that says when to come again is not asked before, by another process either", async () => {
  await using fixture = new Fixture();
  let isLimited = true;
  fixture.issuer.rules.push(({ kind }) =>
    kind === "newOrder" && isLimited
      ? problem(429, "rateLimited", "too many", { "retry-after": String(HOUR) })
      : undefined
  );
  assert.match(await fixture.renew(), /rateLimited: too many/);
  isLimited = false;
  fixture.restart();
  fixture.pass(HOUR - 60);
  assert.match(await fixture.renew(), /not tried yet: rateLimited/);
  const other = { ...fixture.target, vhost: "other", directory: `${fixture.target.directory}2` };
  const outcome = await fixture.renewer.renew(other);
  assert.equal(outcome.kind, "skipped");
  assert.equal(fixture.issuer.count("newOrder"), 1);
  fixture.pass(120);
  assert.equal(await fixture.renew(), "renewed");
});

Deno.test("an order that a process has left is taken up by the next one", async () => {
  await using fixture = new Fixture();
  let cuts = 1;
  fixture.issuer.rules.push(({ kind, order, payload }) => {
    if (kind !== "finalize" || order === undefined || cuts-- <= 0) return undefined;
    order.certificate = fixture.issuer.certify(order, String(payload.csr));
    order.status = "valid";
    return new Response("the answer is lost", { status: 502 });
  });
  assert.match(await fixture.renew(), /502/);
  fixture.restart();
  fixture.pass(DAY);
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(fixture.issuer.count("newOrder"), 1);
});

Deno.test("an order in the works is looked at as often as its issuer says, and later goes on", async () => {
  await using fixture = new Fixture();
  let looks = 18;
  fixture.issuer.rules.push(({ kind, order, payload }) => {
    if (order === undefined) return undefined;
    if (kind === "finalize") {
      order.certificate = fixture.issuer.certify(order, String(payload.csr));
      order.status = "processing";
    } else if (kind !== "order" || order.status !== "processing") return undefined;
    if (--looks === 0) order.status = "valid";
    return fixture.issuer.orderAnswer(order, 200, { "retry-after": "5" });
  });
  let outcome = await fixture.renew();
  for (let attempt = 0; attempt < 4 && outcome !== "renewed"; attempt++) {
    fixture.pass(DAY);
    outcome = await fixture.renew();
  }
  assert.equal(outcome, "renewed");
  assert.equal(fixture.issuer.count("newOrder"), 1);
  assert.equal(fixture.issuer.count("finalize"), 1);
});

Deno.test("authorizations that are valid already, and an order that is not ready yet, are no failure", async () => {
  await using fixture = new Fixture();
  let isReady = false;
  fixture.issuer.rules.push(({ kind, order }) => {
    if (kind === "authorization" && order !== undefined) order.authorization = "valid";
    if (kind === "order" && order?.status === "pending") order.status = "ready";
    if (kind !== "finalize" || isReady) return undefined;
    isReady = true;
    return problem(403, "orderNotReady", "a moment");
  });
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(fixture.issuer.count("challenge"), 0);
  assert.equal(fixture.issuer.count("newOrder"), 1);
});

const other = new FakeIssuer();
await other[Symbol.asyncDispose]();

const UNFIT: readonly (readonly [what: string, chain: (chain: string) => string, says: RegExp])[] =
  [
    ["is not one", () => "no certificate", /has no PEM certificate/],
    ["is cut", (chain) => chain.slice(0, chain.length / 2), /has no PEM certificate|malformed/],
    ["has its chain out of order", (chain) => `${chain}${other.ca}`, /out of order/],
    ["is larger than any", (chain) => chain + " ".repeat(2 * 1024 * 1024), /more than \d+ bytes/],
  ];
for (const [what, chain, says] of UNFIT) {
  Deno.test(`a certificate that ${what} is not installed, and the old one stays`, async () => {
    await using fixture = new Fixture();
    assert.equal(await fixture.renew(), "renewed");
    const before = fixture.cert;
    fixture.issuer.chain = chain;
    fixture.pass(61 * DAY);
    assert.match(await fixture.renew(), says);
    assert.equal(fixture.cert, before);
    const names = [...Deno.readDirSync(fixture.target.directory)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["fullchain.pem", "privkey.pem"]);
  });
}

Deno.test("a certificate for other names, and one for another key, are not installed", async () => {
  await using fixture = new Fixture();
  fixture.issuer.rules.push(({ kind, order, payload }) => {
    if (kind !== "finalize" || order === undefined) return undefined;
    const names = ["evil.test"];
    order.certificate = fixture.issuer.certify({ ...order, names }, String(payload.csr));
    order.status = "valid";
    return fixture.issuer.orderAnswer(order);
  });
  assert.match(await fixture.renew(), /is not for shop\.test/);
  await using second = new Fixture();
  let first = "";
  second.issuer.chain = (chain) => first === "" ? (first = chain) : first;
  assert.equal(await second.renew(), "renewed");
  second.pass(61 * DAY);
  assert.match(await second.renew(), /not the key of the certificate/);
});

Deno.test("an order that has brought an unfit certificate is not taken up again", async () => {
  await using fixture = new Fixture();
  let unfit = 1;
  fixture.issuer.chain = (chain) => unfit-- > 0 ? `${chain}${other.ca}` : chain;
  assert.match(await fixture.renew(), /out of order/);
  fixture.pass(DAY);
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(fixture.issuer.count("newOrder"), 2);
});

Deno.test("a certificate that begins later by this clock is fetched again, and not ordered again", async () => {
  await using fixture = new Fixture();
  fixture.issuer.life = () => ({
    notBefore: new Date(Date.now() + HOUR * 1000),
    notAfter: new Date(Date.now() + 90 * DAY * 1000),
  });
  assert.match(await fixture.renew(), /not fit/);
  fixture.pass(DAY);
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(fixture.issuer.count("newOrder"), 1);
});

for (const kind of ["finalize", "certificate"]) {
  Deno.test(`an order whose ${kind} is refused for good is given up, for another key`, async () => {
    await using fixture = new Fixture();
    let refusals = 1;
    fixture.issuer.rules.push((request) =>
      request.kind === kind && refusals-- > 0
        ? problem(400, "badPublicKey", "this key is known to others")
        : undefined
    );
    assert.match(await fixture.renew(), /badPublicKey/);
    fixture.pass(DAY);
    assert.equal(await fixture.renew(), "renewed");
    const [first, second] = fixture.issuer.seen
      .filter((request) => request.kind === "finalize").map(({ payload }) => payload.csr);
    assert.equal(fixture.issuer.count("newOrder"), 2);
    assert.notEqual(first, second);
  });
}

Deno.test("a redirect is not followed, and an address on another host is not asked", async () => {
  await using fixture = new Fixture();
  fixture.issuer.rules.push(({ kind }) =>
    kind === "directory"
      ? new Response(null, { status: 302, headers: { location: "https://127.0.0.1:1/" } })
      : undefined
  );
  assert.match(await fixture.renew(), /redirects/);
  await using second = new Fixture();
  second.issuer.rules.push(({ kind }) =>
    kind === "directory"
      ? Response.json({
        newNonce: "https://192.0.2.1/",
        newAccount: "https://192.0.2.1/",
        newOrder: "https://192.0.2.1/",
      })
      : undefined
  );
  assert.match(await second.renew(), /may connect to 127\.0\.0\.1:\d+ alone/);
});

Deno.test("certificates of 160 hours and of one hour are renewed at half of their life, once", async () => {
  for (const hours of [160, 1]) {
    await using fixture = new Fixture();
    fixture.issuer.life = () => {
      const now = Date.now() + fixture.ahead;
      return { notBefore: new Date(now), notAfter: new Date(now + hours * HOUR * 1000) };
    };
    assert.equal(await fixture.renew(), "renewed");
    for (let life = 1; life <= 3; life++) {
      fixture.pass(hours * HOUR * 0.49);
      assert.equal(await fixture.renew(), "it is not due");
      fixture.pass(hours * HOUR * 0.02);
      assert.equal(await fixture.renew(), "renewed");
    }
    assert.equal(fixture.issuer.count("newOrder"), 4);
  }
});

Deno.test("three failures of a short certificate leave time for a fourth attempt", async () => {
  await using fixture = new Fixture();
  fixture.issuer.life = () => {
    const now = Date.now() + fixture.ahead;
    return { notBefore: new Date(now), notAfter: new Date(now + HOUR * 1000) };
  };
  assert.equal(await fixture.renew(), "renewed");
  fixture.issuer.rules.push(({ kind }) =>
    kind === "newOrder" ? problem(500, "serverInternal", "broken") : undefined
  );
  fixture.pass(HOUR / 2);
  for (let attempt = 0; attempt < 3; attempt++) {
    const { nextAttempt } = fixture.renewer.status(fixture.target);
    fixture.ahead = Math.max(fixture.ahead, nextAttempt * 1000 - Date.now() + 1000);
    assert.match(await fixture.renew(), /broken/);
  }
  const { nextAttempt, notAfter = 0 } = fixture.renewer.status(fixture.target);
  assert.ok(nextAttempt < notAfter);
});

Deno.test("a renewal window brings one renewal forward, and not another one", async () => {
  await using fixture = new Fixture();
  fixture.issuer.offerRenewalInfo();
  fixture.issuer.rules.push(({ kind }) =>
    kind === "renewalInfo"
      ? Response.json({
        suggestedWindow: { start: "2020-01-01T00:00:00Z", end: "2020-01-02T00:00:00Z" },
      })
      : undefined
  );
  assert.equal(await fixture.renew(), "renewed");
  // The window of the certificate before was open at its issue, and is ignored.
  await fixture.renewer.askInfo(fixture.target);
  assert.equal(await fixture.renew(), "it is not due");
});

Deno.test("a renewal window that opens later brings the renewal forward", async () => {
  await using fixture = new Fixture();
  fixture.issuer.offerRenewalInfo();
  const at = (days: number) => new Date(Date.now() + days * DAY * 1000).toISOString();
  fixture.issuer.rules.push(({ kind }) =>
    kind === "renewalInfo"
      ? Response.json({ suggestedWindow: { start: at(1), end: at(2) } })
      : undefined
  );
  assert.equal(await fixture.renew(), "renewed");
  await fixture.renewer.askInfo(fixture.target);
  assert.equal(await fixture.renew(), "it is not due");
  fixture.pass(2 * DAY + 60);
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(
    fixture.issuer.seen.findLast(({ kind }) => kind === "newOrder")?.payload.replaces
      ?.toString().split(".").length,
    2,
  );
  await fixture.renewer.askInfo(fixture.target);
  assert.equal(await fixture.renew(), "it is not due");
});

Deno.test("an issuer that says a certificate was replaced already is asked again without that", async () => {
  await using fixture = new Fixture();
  fixture.issuer.offerRenewalInfo();
  const at = (days: number) => new Date(Date.now() + days * DAY * 1000).toISOString();
  fixture.issuer.rules.push(({ kind, payload }) => {
    if (kind === "renewalInfo") {
      return Response.json({ suggestedWindow: { start: at(1), end: at(2) } });
    }
    if (kind !== "newOrder" || payload.replaces === undefined) return undefined;
    return problem(409, "alreadyReplaced", "was replaced");
  });
  assert.equal(await fixture.renew(), "renewed");
  await fixture.renewer.askInfo(fixture.target);
  fixture.pass(3 * DAY);
  assert.equal(await fixture.renew(), "renewed");
});

Deno.test("eight processes with one empty storage make one account and one order", async () => {
  await using fixture = new Fixture();
  const all = await Promise.all(
    Array.from({ length: 8 }, () => fixture.restart().renew(fixture.target)),
  );
  assert.equal(all.filter(({ kind }) => kind === "renewed").length, 1);
  assert.equal(fixture.issuer.count("newAccount"), 1);
  assert.equal(fixture.issuer.count("newOrder"), 1);
});

Deno.test("a certificate that was removed while it was in use is ordered anew", async () => {
  await using fixture = new Fixture();
  assert.equal(await fixture.renew(), "renewed");
  Deno.removeSync(fixture.target.directory, { recursive: true });
  assert.equal(await fixture.renew(), "renewed");
});

Deno.test("a process that dies between making an account and keeping it finds it again", async () => {
  await using fixture = new Fixture();
  const keys: unknown[] = [];
  let dies = true;
  fixture.issuer.rules.push(({ kind }) => {
    if (kind !== "newAccount" || !dies) return undefined;
    dies = false;
    return new Response("lost", { status: 502 });
  });
  assert.match(await fixture.renew(), /502/);
  const draft = () => {
    for (const { name } of Deno.readDirSync(`${fixture.directory}/acme/accounts`)) {
      const directory = `${fixture.directory}/acme/accounts/${name}`;
      for (const file of Deno.readDirSync(directory)) {
        if (file.name.startsWith("limit")) continue;
        keys.push(JSON.parse(Deno.readTextFileSync(`${directory}/${file.name}`)).key_pkcs8);
      }
    }
  };
  draft();
  fixture.pass(DAY);
  assert.equal(await fixture.renew(), "renewed");
  draft();
  assert.equal(new Set(keys).size, 1);
});

Deno.test("an account that its issuer has forgotten is made again with the same key", async () => {
  await using fixture = new Fixture();
  assert.equal(await fixture.renew(), "renewed");
  let isForgotten = true;
  fixture.issuer.rules.push(({ kind }) => {
    if (kind === "newAccount") isForgotten = false;
    return kind === "newOrder" && isForgotten
      ? problem(400, "accountDoesNotExist", "no such account")
      : undefined;
  });
  fixture.pass(61 * DAY);
  assert.match(await fixture.renew(), /accountDoesNotExist/);
  fixture.pass(DAY);
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(fixture.issuer.count("newAccount"), 2);
});

Deno.test("a process that is stopped during an order counts no failure, and the next one ends it", async () => {
  await using fixture = new Fixture();
  const stop = new AbortController();
  fixture.restart(stop.signal);
  fixture.issuer.rules.push(({ kind }) => {
    if (kind === "challenge") stop.abort();
    return undefined;
  });
  await fixture.renew();
  assert.equal(fixture.renewer.status(fixture.target).state.failures, 0);
  fixture.issuer.rules.length = 0;
  fixture.restart();
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(fixture.issuer.count("newOrder"), 1);
});

Deno.test("pitfall 11: eight gateways that start with one empty storage order each of five certificates once", async () => {
  await using fixture = new Fixture();
  const names = ["a", "b", "c", "d", "e"];
  const targets = names.map((vhost) => ({
    ...fixture.target,
    vhost,
    domains: [`${vhost}.test`],
    directory: `${fixture.directory}/acme/certificates/${vhost}`,
  }));
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, () => fixture.restart())
      .flatMap((renewer) => targets.map((target) => renewer.renew(target))),
  );
  const kinds = outcomes.map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "renewed").length, names.length);
  assert.equal(kinds.filter((kind) => kind === "skipped").length, 7 * names.length);
  assert.equal(fixture.issuer.count("newAccount"), 1);
  assert.equal(fixture.issuer.count("newOrder"), names.length);
  for (const target of targets) {
    assert.equal(fixture.restart().status(target).status, "valid");
  }
});
