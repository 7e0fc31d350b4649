import assert from "node:assert/strict";
import {
  configOf,
  contextOf,
  counted,
  exchangeFrom,
  routeScope,
  started,
  vhostScope,
} from "../../gateway/testing/modules.ts";
import type { ClientCertificate } from "../../net/connection_facts.ts";
import { loadText } from "../../config/load.ts";
import { formatProblem } from "../../config/problems/problems.ts";
import { geoipSchema } from "../geoip/schema.ts";
import { module } from "./module.ts";
import { tlsSchema } from "../tls/schema.ts";
import { accessSchema } from "./schema.ts";

const CERTIFICATE = "ab".repeat(32);
const OTHER = "cd".repeat(32);

/** What a client brings along; its address is known unless it says otherwise. */
interface Client {
  readonly address?: string;
  readonly certificate?: string;
  readonly country?: string;
  readonly asn?: number;
}

function certificateOf(sha256: string | undefined): ClientCertificate | undefined {
  return sha256 === undefined ? undefined : { sha256, serial: "01", organization: "" };
}

/** What these rules say to `client`: `"passes"`, or why they deny. */
async function verdict(rules: Record<string, unknown>, client: Client = {}): Promise<string> {
  const config = configOf({ access: accessSchema.parse(rules) });
  const context = contextOf(config, [module]);
  const running = await started(module, context);
  const scope = vhostScope(config);
  const steps = running.plan(scope);
  const exchange = exchangeFrom(client.address ?? "192.0.2.1", {
    tls: { client: certificateOf(client.certificate) },
  });
  exchange.findings.country = client.country ?? "";
  exchange.findings.asn = client.asn ?? null;
  assert.equal(steps?.access?.(exchange), undefined);
  const explained = running.explain?.(scope, exchange) ?? "";
  const said = explained === "no rule denies it" ? "passes" : explained;
  const denied = exchange.status !== 0;
  assert.equal(denied, said !== "passes", said);
  if (denied) {
    assert.equal(exchange.status, 403);
    assert.equal(exchange.refusal?.text, "forbidden");
    assert.deepEqual(counted(context), {
      "fluxheim_edge_policy_events_total{scope=vhost,vhost=shop,route=,policy=access,outcome=deny}":
        1,
    });
  }
  return said;
}

Deno.test("without rules everybody passes and nothing is done", async () => {
  const config = configOf({ access: accessSchema.parse({}) }, {
    access: accessSchema.parse({ enabled: false, deny: ["0.0.0.0/0"] }),
  });
  const running = await started(module, contextOf(config, [module]));
  assert.equal(running.plan(vhostScope(config)), undefined);
  assert.equal(running.plan(routeScope(config)), undefined);
  assert.equal(
    running.explain?.(vhostScope(config), exchangeFrom("192.0.2.1")),
    "no rule denies it",
  );
});

Deno.test("deny refuses its addresses and networks only", async () => {
  const rules = { deny: ["192.0.2.0/24", "2001:db8::1"] };
  assert.equal(await verdict(rules), "address in deny");
  assert.equal(await verdict(rules, { address: "2001:db8::1" }), "address in deny");
  assert.equal(await verdict(rules, { address: "198.51.100.1" }), "passes");
});

Deno.test("allow refuses everybody else", async () => {
  const rules = { allow: ["192.0.2.0/24"] };
  assert.equal(await verdict(rules), "passes");
  assert.equal(await verdict(rules, { address: "198.51.100.1" }), "address not in allow");
});

Deno.test("deny wins over allow", async () => {
  assert.equal(
    await verdict({ allow: ["192.0.2.0/24"], deny: ["192.0.2.1"] }),
    "address in deny",
  );
});

Deno.test("an unknown address is refused where any address rule is, even one of deny", async () => {
  assert.equal(await verdict({ deny: ["192.0.2.9"] }, { address: "" }), "client address unknown");
  assert.equal(await verdict({ deny_countries: ["SE"] }, { address: "" }), "passes");
});

Deno.test("require_client_cert refuses clients without a certificate", async () => {
  const rules = { require_client_cert: true };
  assert.equal(await verdict(rules), "no client certificate");
  assert.equal(await verdict(rules, { certificate: CERTIFICATE }), "passes");
});

Deno.test("fingerprints are compared without regard to case", async () => {
  const rules = { allow_client_cert_sha256: [CERTIFICATE.toUpperCase()] };
  assert.equal(await verdict(rules, { certificate: CERTIFICATE }), "passes");
});

Deno.test("a list of allowed certificates refuses others and clients without one", async () => {
  const rules = { allow_client_cert_sha256: [CERTIFICATE] };
  assert.equal(
    await verdict(rules, { certificate: OTHER }),
    "certificate not in allow_client_cert_sha256",
  );
  assert.equal(await verdict(rules), "no client certificate for allow_client_cert_sha256");
});

Deno.test("a list of denied certificates refuses those only", async () => {
  const rules = { deny_client_cert_sha256: [CERTIFICATE] };
  assert.equal(
    await verdict(rules, { certificate: CERTIFICATE }),
    "certificate in deny_client_cert_sha256",
  );
  assert.equal(await verdict(rules, { certificate: OTHER }), "passes");
  assert.equal(await verdict(rules), "passes");
});

Deno.test("a certificate in both lists is refused", async () => {
  const rules = {
    allow_client_cert_sha256: [CERTIFICATE],
    deny_client_cert_sha256: [CERTIFICATE],
  };
  assert.equal(
    await verdict(rules, { certificate: CERTIFICATE }),
    "certificate in deny_client_cert_sha256",
  );
});

Deno.test("countries are denied and allowed", async () => {
  const rules = { allow_countries: ["SE", "NO"], deny_countries: ["NO"] };
  assert.equal(await verdict(rules, { country: "SE" }), "passes");
  assert.equal(await verdict(rules, { country: "NO" }), "country in deny_countries");
  assert.equal(await verdict(rules, { country: "DK" }), "country not in allow_countries");
});

Deno.test("AS numbers are denied and allowed", async () => {
  const rules = { allow_asns: [64500, 64501], deny_asns: [64501] };
  assert.equal(await verdict(rules, { asn: 64500 }), "passes");
  assert.equal(await verdict(rules, { asn: 64501 }), "AS number in deny_asns");
  assert.equal(await verdict(rules, { asn: 64502 }), "AS number not in allow_asns");
});

Deno.test("a single list of places is enough to be asked about", async () => {
  const client = { country: "NO", asn: 64501 };
  for (
    const [rules, denial] of [
      [{ deny_countries: ["NO"] }, "country in deny_countries"],
      [{ allow_countries: ["SE"] }, "country not in allow_countries"],
      [{ deny_asns: [64501] }, "AS number in deny_asns"],
      [{ allow_asns: [64500] }, "AS number not in allow_asns"],
    ] as const
  ) {
    assert.equal(await verdict(rules, client), denial);
  }
});

Deno.test("a missing country or AS number passes a deny list", async () => {
  assert.equal(await verdict({ deny_countries: ["SE"] }), "passes");
  assert.equal(await verdict({ deny_countries: ["SE"] }, { asn: 64500 }), "passes");
  assert.equal(await verdict({ deny_asns: [64500] }, { country: "SE" }), "passes");
});

Deno.test("a missing country or AS number fails an allow list", async () => {
  assert.equal(await verdict({ allow_countries: ["SE"] }), "country unknown");
  assert.equal(await verdict({ allow_asns: [64500] }, { country: "SE" }), "AS number unknown");
});

Deno.test("every list of what is allowed must match, and the first rule that denies is the verdict", async () => {
  const rules = {
    allow: ["192.0.2.0/24"],
    require_client_cert: true,
    allow_countries: ["SE"],
  };
  const all = { certificate: CERTIFICATE, country: "SE" };
  assert.equal(await verdict(rules, all), "passes");
  assert.equal(await verdict(rules, { address: "198.51.100.1" }), "address not in allow");
  assert.equal(await verdict(rules, { country: "SE" }), "no client certificate");
  assert.equal(await verdict(rules, { certificate: CERTIFICATE }), "country unknown");
});

Deno.test("rules of vhost and route are separate steps", async () => {
  const config = configOf(
    { access: accessSchema.parse({ deny: ["192.0.2.1"] }) },
    { access: accessSchema.parse({ deny: ["192.0.2.2"] }) },
  );
  const running = await started(module, contextOf(config, [module]));
  const one = exchangeFrom("192.0.2.1");
  running.plan(routeScope(config))?.access?.(one);
  assert.equal(one.status, 0);
  running.plan(vhostScope(config))?.access?.(one);
  assert.equal(one.status, 403);
});

Deno.test("bad networks, fingerprints, countries and AS numbers are refused with the key", () => {
  const problem = (value: unknown) => {
    const result = accessSchema.safeParse(value);
    assert.ok(!result.success);
    return result.error.issues.map((i) => i.path.join("."));
  };
  assert.deepEqual(problem({ allow: ["10.0.0.0/33"] }), ["allow.0"]);
  assert.deepEqual(problem({ deny: [" 10.0.0.1"] }), ["deny.0"]);
  assert.deepEqual(problem({ deny: ["10.0.0.1", "10.0.0.1"] }), ["deny.1"]);
  assert.deepEqual(problem({ allow_client_cert_sha256: ["ab"] }), ["allow_client_cert_sha256.0"]);
  assert.deepEqual(problem({ allow_countries: ["se"] }), ["allow_countries.0"]);
  assert.deepEqual(problem({ deny_asns: [0] }), ["deny_asns.0"]);
  assert.deepEqual(problem({ deny_asns: [2 ** 32] }), ["deny_asns.0"]);
});

Deno.test("rules by place need geoip.enabled, and say which key does", () => {
  const config = configOf({}, { access: accessSchema.parse({ deny_countries: ["SE"] }) });
  assert.deepEqual(module.check?.(config).map(({ key }) => key), [
    "vhosts[0].routes[0].access.deny_countries",
  ]);
  const off = configOf({}, {
    access: accessSchema.parse({ enabled: false, deny_countries: ["SE"] }),
  });
  assert.deepEqual(module.check?.(off), []);
  const geoip = geoipSchema.parse({
    enabled: true,
    databases: [{ provider: "maxmind", path: "/places.mmdb" }],
  });
  assert.deepEqual(module.check?.({ ...config, geoip }), []);
});

/** What is said about these rules, with this at the top of the file. */
function said(rules: string, top: string): string[] {
  const tables = [...module.schema, { table: "tls", scopes: ["root"] as const, schema: tlsSchema }];
  const { problems } = loadText(
    `${top}\n[[vhosts]]\nname = "a"\nhosts = ["a.test"]\n[vhosts.access]\n${rules}\n`,
    tables,
    module.check === undefined ? [] : [module.check],
  );
  return problems.map(formatProblem);
}

const TLS = '[server]\ntls_listen = ["127.0.0.1:8443"]\n[tls]\nenabled = true\n';

Deno.test("rules by certificate where no client is asked for one are warnings that say what they do", () => {
  const required = "require_client_cert = true";
  const [only, ...others] = said(required, TLS);
  assert.deepEqual(others, []);
  assert.match(only, /warning: vhosts\[0\]\.access\.require_client_cert.*refuses every request/);
  assert.match(only, /tls\.client_auth\.mode is "off"/);
  const list = `client_cert_sha256 = ["${CERTIFICATE}"]`;
  assert.match(
    said(`allow_${list}`, TLS)[0],
    /warning: .*allow_client_cert.*refuses every request/,
  );
  assert.match(said(`deny_${list}`, TLS)[0], /warning: .*deny_client_cert.*denies no client/);
  assert.match(said(required, "")[0], /because tls\.enabled is not true/);
  const cleartext =
    '[tls]\nenabled = true\n[tls.client_auth]\nmode = "required"\nca_path = "/ca.pem"';
  assert.match(said(required, cleartext)[0], /because server\.tls_listen is empty/);
});

Deno.test("rules by certificate are fine where clients are asked for one", () => {
  for (const mode of ["optional", "required"]) {
    const auth = `${TLS}[tls.client_auth]\nmode = "${mode}"\nca_path = "/ca.pem"`;
    assert.deepEqual(said("require_client_cert = true", auth), []);
  }
});

Deno.test("rules that are switched off are a security warning, which asks for nothing else", () => {
  const [only, ...others] = said("enabled = false\nrequire_client_cert = true", TLS);
  assert.deepEqual(others, []);
  assert.match(only, /security warning: vhosts\[0\]\.access .*is filled in, but off/);
});
