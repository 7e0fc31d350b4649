import assert from "node:assert/strict";
import { series, SERIES_ZONE, SeriesTotals } from "../../zones/series.ts";
import { zone } from "../../zones/layout.ts";
import { ZoneRegistry } from "../../zones/registry.ts";
import { Zones } from "../../zones/zones.ts";
import { ProcessSeries } from "./process_series.ts";

const LOG = { log: (...line: readonly string[]) => assert.fail(line.join(" ")) };

Deno.test("what lost threads have counted is there for a service that begins later", () => {
  const zones = new ZoneRegistry(4, [zone(series, { name: SERIES_ZONE, roles: ["edge"] })]);
  const process = new ProcessSeries(LOG);
  for (const life of [1, 2, 3]) {
    const own = { index: 0, count: 4 };
    const writer = new Zones(zones.sentTo("edge", 0), own).open(series, SERIES_ZONE);
    writer.cell("a_total", { vhost: "x" })?.add(life);
    writer.gauge("level", {})?.set(life);
    writer.histogram("wait_seconds", {}, [1])?.observe(2_000_000);
    process.retire(zones, 0);
    ZoneRegistry.reclaim([zones], 0);
  }
  const late = new SeriesTotals({ onFault: assert.fail });
  const found = late.read(new Map([[-1, { buffer: process.past }]]));
  assert.deepEqual(found.map(({ name, cells }) => [name, cells]), [
    ["a_total", [6]],
    ["wait_seconds", [0, 3, 6_000_000]],
  ]);
  const own = process.read(zones).map(({ name, value }) => [name, value]);
  assert.deepEqual(own.slice(0, 1), [["a_total", 6]]);
});
