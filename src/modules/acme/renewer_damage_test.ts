/** What is damaged on disk, or was written by a wrong clock, holds no renewal up (spec 05 section 6.9). */
import assert from "node:assert/strict";
import { segmentOf } from "./storage_names.ts";
import { problem } from "./testing/fake_issuer.ts";
import { DAY, Fixture, HOUR } from "./testing/renewer_fixture.ts";

/** The file with the state of the fixture's certificate. */
function stateFile({ directory }: Fixture): string {
  const state = `${directory}/acme/state`;
  const [{ name }] = [...Deno.readDirSync(state)].filter((file) => file.name.endsWith(".json"));
  return `${state}/${name}`;
}

const DAMAGES: readonly (readonly [what: string, damage: (path: string) => void])[] = [
  ["is cut", (path) => Deno.truncateSync(path, 20)],
  ["is empty", (path) => Deno.truncateSync(path, 0)],
  ["has grown", (path) => Deno.writeTextFileSync(path, " ".repeat(100_000), { append: true })],
  ["is a link", (path) => {
    Deno.removeSync(path);
    Deno.symlinkSync("/etc/passwd", path);
  }],
  ["is a directory", (path) => {
    Deno.removeSync(path);
    Deno.mkdirSync(`${path}/x`, { recursive: true });
  }],
];
for (const [what, damage] of DAMAGES) {
  Deno.test(`a state that ${what} is set aside with a warning, and holds nothing up`, async () => {
    await using fixture = new Fixture();
    assert.equal(await fixture.renew(), "renewed");
    fixture.pass(61 * DAY);
    const path = stateFile(fixture);
    const passwd = Deno.readTextFileSync("/etc/passwd");
    damage(path);
    assert.equal(fixture.renewer.status(fixture.target).status, "due");
    const outcome = await fixture.renewer.renew(fixture.target);
    assert.equal(outcome.kind, "renewed");
    assert.match(outcome.warning ?? "", /was damaged and is now .*\.json\.damaged/);
    assert.ok(Deno.lstatSync(path).isFile);
    assert.notEqual(Deno.lstatSync(`${path}.damaged`), undefined);
    assert.equal(Deno.readTextFileSync("/etc/passwd"), passwd);
    assert.equal(fixture.issuer.count("newOrder"), 2);
  });
}

Deno.test("an order whose key was lost in its state is begun anew", async () => {
  await using fixture = new Fixture();
  let cuts = 1;
  fixture.issuer.rules.push(({ kind }) =>
    kind === "finalize" && cuts-- > 0 ? new Response("lost", { status: 502 }) : undefined
  );
  assert.match(await fixture.renew(), /502/);
  const path = stateFile(fixture);
  const state = JSON.parse(Deno.readTextFileSync(path));
  state.order.key = state.order.key.slice(0, 20);
  Deno.writeTextFileSync(path, JSON.stringify(state));
  fixture.pass(DAY);
  assert.equal(await fixture.renew(), "renewed");
  assert.equal(fixture.issuer.count("newOrder"), 2);
});

Deno.test("damaged limits and a damaged key of an account to come hold nothing up", async () => {
  await using fixture = new Fixture();
  const accounts = `${fixture.directory}/acme/accounts/${segmentOf("fake")}`;
  Deno.mkdirSync(accounts, { recursive: true });
  Deno.writeTextFileSync(`${accounts}/limit.json`, "{");
  Deno.writeTextFileSync(`${accounts}/pending-key.json`, '{"key_pkcs8":"AAAA"}');
  assert.equal(await fixture.renew(), "renewed");
  assert.ok(Deno.lstatSync(`${accounts}/pending-key.json.damaged`).isFile);
});

Deno.test("a clock that was years ahead holds no later attempt back, and costs one order", async () => {
  await using fixture = new Fixture();
  let isLimited = true;
  fixture.issuer.rules.push(({ kind }) =>
    kind === "newOrder" && isLimited
      ? problem(429, "rateLimited", "too many", { "retry-after": String(HOUR) })
      : undefined
  );
  fixture.pass(10 * 365 * DAY);
  assert.match(await fixture.renew(), /rateLimited/);
  fixture.ahead = 0;
  fixture.restart();
  // The client of the issuer reads the clock of the machine, which cannot be ahead here.
  const limit = `${fixture.directory}/acme/accounts/${segmentOf("fake")}/limit.json`;
  const until = Date.now() + 10 * 365 * DAY * 1000;
  assert.match(Deno.readTextFileSync(limit), /"until"/);
  Deno.writeTextFileSync(limit, JSON.stringify({ until }));
  assert.match(await fixture.renew(), /rateLimited/);
  assert.match(await fixture.renew(), /not tried yet/);
  assert.equal(fixture.issuer.count("newOrder"), 2);
  isLimited = false;
  fixture.pass(HOUR + 60);
  assert.equal(await fixture.renew(), "renewed");
});
