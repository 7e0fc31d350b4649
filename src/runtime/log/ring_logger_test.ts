import assert from "node:assert/strict";
import { Exchange } from "../../gateway/exchange/exchange.ts";
import { newMemory } from "../../zones/layout.ts";
import { ring, RingReader, RingWriter } from "../../zones/ring.ts";
import { records } from "./records.ts";
import { type AccessLogConfig, type LogSettings, RingLogger } from "./ring_logger.ts";

const ACCESS: AccessLogConfig = {
  enabled: true,
  include_host: true,
  include_client_ip: true,
  include_cache_phase: true,
  include_path: true,
  include_route: true,
  include_upstream: true,
  include_listener: false,
  request_id: true,
  format: "record",
  rename: {},
  sample_per_mille: {},
};

function logger(settings: Partial<LogSettings>) {
  const shared = newMemory(ring, undefined, 1);
  const reader = new RingReader(shared);
  const full: LogSettings = {
    level: "info",
    format: "json",
    zeroRetention: false,
    ...settings,
  };
  return {
    log: new RingLogger(new RingWriter(shared), full, records),
    written: () => new TextDecoder().decode(reader.peek()?.slice()),
  };
}

function exchange(): Exchange {
  return new Exchange({
    peerAddress: "192.0.2.1",
    peerPort: 1,
    peerIsDirect: true,
    localAddress: "192.0.2.2",
    localPort: 80,
    listener: "192.0.2.2:80",
    tls: undefined,
  });
}

Deno.test("a record less severe than the level is not written", () => {
  const { log, written } = logger({ level: "warn" });
  log.log("info", "fluxheim", "hidden");
  log.log("error", "fluxheim", "shown");
  assert.match(written(), /^\{[^\n]*"message":"shown"\}\n$/);
});

Deno.test("an access record in JSON is alone", () => {
  const { log, written } = logger({});
  log.useAccessLog(ACCESS);
  log.access(exchange());
  assert.match(written(), /^\{"event":"access",.*\}\n$/);
});

Deno.test("an access record in text is the message of an info record", () => {
  const { log, written } = logger({ format: "text" });
  log.useAccessLog(ACCESS);
  log.access(exchange());
  assert.match(written(), /^\d+ INFO fluxheim::access: \{"event":"access",.*\}\n$/);
});

Deno.test("there is no access record before a snapshot asked for it", () => {
  const { log, written } = logger({});
  log.access(exchange());
  assert.equal(written(), "");
});

Deno.test("a later snapshot can silence the access log", () => {
  const { log, written } = logger({});
  log.useAccessLog(ACCESS);
  log.useAccessLog({ ...ACCESS, enabled: false });
  log.access(exchange());
  assert.equal(written(), "");
});

Deno.test("a level stricter than info silences the access log", () => {
  const { log, written } = logger({ level: "warn" });
  log.useAccessLog(ACCESS);
  log.access(exchange());
  assert.equal(written(), "");
});

Deno.test("records are sampled by status, and what failed is always written", () => {
  const { log, written } = logger({});
  log.useAccessLog({ ...ACCESS, sample_per_mille: { "2xx": 0, "204": 1000 } });
  for (const status of [200, 204, 404]) {
    const one = exchange();
    one.status = status;
    log.access(one);
  }
  const cut = exchange();
  cut.status = 200;
  cut.failed = true;
  log.access(cut);
  const statuses = [...written().matchAll(/"status":(\d+)/g)].map(([, status]) => Number(status));
  assert.deepEqual(statuses, [204, 404, 200]);
});

Deno.test("a message to a syslog server has the header of RFC 5424", () => {
  const { log, written } = logger({ format: { facility: 8 * 16, appName: "edge" } });
  log.log("error", "fluxheim::tls", "a\nb");
  log.useAccessLog(ACCESS);
  log.access(exchange());
  const [first, second] = written().split("\n");
  const time = "\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z";
  assert.match(first, new RegExp(`^<131>1 ${time} - edge ${Deno.pid} - - fluxheim::tls: a\\\\nb$`));
  assert.match(
    second,
    new RegExp(`^<134>1 ${time} - edge ${Deno.pid} access - \\{"event":"access",`),
  );
});
