/**
 * A real issuer: pebble, with its DNS, as tests start them. Names under `.test` lead to 127.0.0.1, and challenges come
 * to the port that the test gives.
 *
 * @module
 */
import { TestAuthority } from "../../../src/net/testing/certificates.ts";
import { find, freePort, Process, TempDir } from "../../testing/peer.ts";

/** Programs that it is made of. */
export const PEBBLE = ["pebble", "pebble-challtestsrv"] as const;

const authority = new TestAuthority("Test issuers");

/** How an issuer behaves. */
export interface PebbleOptions {
  /** Port of 127.0.0.1 on which HTTP-01 is asked for. */
  readonly httpPort: number;
  /** Seconds that certificates are valid. */
  readonly validitySecs?: number;
  /** Asks for external account bindings, with these keys: base64url by key id. */
  readonly eab?: Readonly<Record<string, string>>;
  /** Variables of pebble: `PEBBLE_WFE_NONCEREJECT`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Port of its own; one that is free unless given. */
  readonly port?: number;
  /** Name server that is asked, in place of one that has an address for every name. */
  readonly dnsServer?: string;
  /** Address that names lead to; 127.0.0.1 unless given. */
  readonly address?: string;
}

/** An issuer at work. */
export class Pebble implements AsyncDisposable {
  private constructor(
    readonly port: number,
    readonly managementPort: number,
    readonly dnsPort: number,
    readonly dnsManagementPort: number,
    readonly process: Process,
    readonly dns: Process,
    readonly dir: TempDir,
  ) {}

  static async start(options: PebbleOptions): Promise<Pebble> {
    await using made = new AsyncDisposableStack();
    const dir = made.use(new TempDir());
    const [own, management, dnsPort, dnsManagement] = [0, 0, 0, 0].map(freePort);
    const port = options.port ?? own;
    const { cert, key } = authority.issue({ name: "issuer.test", names: ["127.0.0.1"] });
    const eab = options.eab;
    const config = dir.write(
      "pebble.json",
      JSON.stringify({
        pebble: {
          listenAddress: `127.0.0.1:${port}`,
          managementListenAddress: `127.0.0.1:${management}`,
          certificate: dir.write("cert.pem", cert),
          privateKey: dir.write("key.pem", key),
          httpPort: options.httpPort,
          tlsPort: 1,
          ocspResponderURL: "",
          externalAccountBindingRequired: eab !== undefined,
          ...(eab === undefined ? {} : { externalAccountMACKeys: eab }),
          ...(options.validitySecs === undefined
            ? {}
            : { certificateValidityPeriod: options.validitySecs }),
        },
      }),
    );
    const dns = made.use(
      new Process(find("pebble-challtestsrv")!, [
        "-defaultIPv4",
        options.address ?? "127.0.0.1",
        "-defaultIPv6",
        "",
        "-dns01",
        `127.0.0.1:${dnsPort}`,
        "-http01",
        "",
        "-https01",
        "",
        "-tlsalpn01",
        "",
        "-management",
        `127.0.0.1:${dnsManagement}`,
      ]),
    );
    await dns.listening(dnsManagement);
    const process = made.use(
      new Process(find("pebble")!, [
        "-config",
        config,
        "-dnsserver",
        options.dnsServer ?? `127.0.0.1:${dnsPort}`,
      ], {
        env: { PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "0", ...options.env },
      }),
    );
    await process.listening(port);
    made.move();
    return new Pebble(port, management, dnsPort, dnsManagement, process, dns, dir);
  }

  /** The authority of its own HTTPS. */
  get ca(): string {
    return authority.root;
  }

  /** Its directory. */
  get directoryUrl(): string {
    return `https://127.0.0.1:${this.port}/dir`;
  }

  /** `Valid` or `Revoked`. */
  async statusOf(serialNumber: string): Promise<unknown> {
    using client = Deno.createHttpClient({ caCerts: [authority.root] });
    const serial = serialNumber.toLowerCase().replace(/^0+/, "");
    const url = `https://127.0.0.1:${this.managementPort}/cert-status-by-serial/${serial}`;
    const { Status } = await (await fetch(url, { client })).json();
    return Status;
  }

  /** The root of what it issues. */
  async root(): Promise<string> {
    using client = Deno.createHttpClient({ caCerts: [authority.root] });
    const url = `https://127.0.0.1:${this.managementPort}/roots/0`;
    return await (await fetch(url, { client })).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    await this.dns[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** Tables of a gateway with managed certificates; `httpPort` is where its issuer asks. */
export function acmeConfig(
  directoryUrl: string,
  { httpPort, tlsPort }: { readonly httpPort: number; readonly tlsPort: number },
  more = "",
  issuerMore = "",
): string {
  return `
[server]
listen = ["127.0.0.1:{port}", "127.0.0.1:${httpPort}"]
tls_listen = ["127.0.0.1:${tlsPort}"]
default_vhost = "shop"
[server.process]
threads = 2
pid_file = "{dir}/fluxheim.pid"
certificate_reload_sock = "{dir}/reload.sock"
[tls]
enabled = true
[tls.acme]
enabled = true
storage = "{dir}/acme"
contact_email = "admin@shop.test"
default_issuer = "pebble"
${more}
[[tls.acme.issuers]]
name = "pebble"
directory_url = "${directoryUrl}"
ca_bundle_file = "{dir}/ca.pem"
${issuerMore}
`;
}

/** A vhost whose certificate is managed. */
export function acmeVhost(name: string, hosts: readonly string[], more = ""): string {
  return `
[[vhosts]]
name = "${name}"
hosts = [${hosts.map((host) => `"${host}"`).join(", ")}]
[vhosts.web]
root = "{dir}/${name}"
[vhosts.tls]
enabled = true
[vhosts.tls.acme]
enabled = true
${more}
`;
}
