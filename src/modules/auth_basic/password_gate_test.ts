import assert from "node:assert/strict";
import type { CallOutcome, Calls } from "../../gateway/threads/calls.ts";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import { PasswordGate } from "./password_gate.ts";
import { Verdicts } from "./verdicts.ts";

const FIELDS = [["authorization", `Basic ${btoa("anna:secret")}`]] as const;
const counter = { count() {}, add() {} };

/** A gate, and the questions that its service has not answered. */
function gateWith(verdicts: Verdicts) {
  const asked: ((outcome: CallOutcome) => void)[] = [];
  const service: Calls = {
    call: () => new Promise((resolve) => asked.push(resolve)),
  };
  const gate = new PasswordGate({
    enabled: true,
    users_file: "/users",
    realm: "site",
    user_header: undefined,
    forward_authorization: false,
  }, {
    service,
    verdicts,
    clock: { now: 1000 },
    allowed: counter,
    denied: counter,
    failed: counter,
  });
  return { gate, asked };
}

Deno.test("a verdict by the previous file is not remembered, nor waited for by later requests", async () => {
  const verdicts = new Verdicts();
  const { gate, asked } = gateWith(verdicts);
  const first = gate.authenticate(exchangeFixture({ fields: FIELDS }));
  assert.equal(asked.length, 1);
  verdicts.forget();
  const during = exchangeFixture({ fields: FIELDS });
  const second = gate.authenticate(during);
  assert.equal(asked.length, 2, "the service is asked by its new file");
  asked[0]({ kind: "answer", value: { verdict: "right" } });
  await first;
  const after = exchangeFixture({ fields: FIELDS });
  const third = gate.authenticate(after);
  asked[1]({ kind: "answer", value: { verdict: "wrong" } });
  await second;
  await third;
  assert.equal(during.status, 401);
  assert.equal(after.status, 401);
});

Deno.test("requests with one password ask once, and its verdict is remembered", async () => {
  const verdicts = new Verdicts();
  const { gate, asked } = gateWith(verdicts);
  const exchanges = [1, 2].map(() => exchangeFixture({ fields: FIELDS }));
  const waiting = exchanges.map((exchange) => gate.authenticate(exchange));
  assert.equal(asked.length, 1);
  asked[0]({ kind: "answer", value: { verdict: "right" } });
  await Promise.all(waiting);
  assert.equal(gate.authenticate(exchangeFixture({ fields: FIELDS })), undefined);
  assert.equal(asked.length, 1);
  assert.deepEqual(exchanges.map(({ status }) => status), [0, 0]);
});
