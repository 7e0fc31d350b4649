/** A gateway whose certificates a real issuer makes. @module */
import { once } from "node:events";
import { connect, type PeerCertificate } from "node:tls";
import { launchArguments, TestGateway } from "../../testing/gateway.ts";
import { freePort, Process } from "../../testing/peer.ts";
import { acmeConfig, acmeVhost, Pebble, type PebbleOptions } from "./pebble.ts";

/** What is special about a test's gateway and issuer. */
export interface SiteOptions {
  readonly hosts?: readonly string[];
  /** Further keys of `[tls.acme]`. */
  readonly acme?: string;
  /** Further tables. */
  readonly more?: string;
  /** Further keys of the vhost's `[vhosts.tls.acme]`. */
  readonly vhost?: string;
  /** Further keys of the issuer. */
  readonly issuer?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly pebble?: Omit<PebbleOptions, "httpPort">;
}

/** Both, and what a test asks of them. */
export class Site implements AsyncDisposable {
  constructor(
    readonly gateway: TestGateway,
    readonly pebble: Pebble,
    readonly httpPort: number,
    readonly tlsPort: number,
  ) {}

  /** Whether new clients that ask for `host` get a certificate for it. */
  async isShown(host: string): Promise<boolean> {
    return (await this.shown(host)) !== undefined;
  }

  /** Serial number of the certificate that a new client gets for `host`; `undefined` for none that is for it. */
  async shown(host: string): Promise<string | undefined> {
    const certificate = await certificateOf(this.tlsPort, host);
    const names = certificate?.subjectaltname?.split(", ") ?? [];
    return names.includes(`DNS:${host}`) ? certificate?.serialNumber : undefined;
  }

  /** The gateway once more, on the same files, after it has ended. */
  async restart(): Promise<Process & { readonly port: number }> {
    const args = await launchArguments(this.gateway.configPath);
    const process = new Process(Deno.execPath(), args);
    await process.listening(this.tlsPort);
    return Object.assign(process, { port: this.tlsPort });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    await this.pebble[Symbol.asyncDispose]();
  }
}

/** What a TLS server shows for a name; `undefined` where there is no handshake. */
export async function certificateOf(
  port: number,
  servername: string,
): Promise<PeerCertificate | undefined> {
  const socket = connect({ port, host: "127.0.0.1", servername, rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerCertificate();
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** Starts an issuer and a gateway for the vhost `shop`. */
export async function startGateway(
  {
    hosts = ["shop.test"],
    acme = "",
    more = "",
    vhost = "",
    issuer = "",
    files = {},
    pebble: behaviour = {},
  }: SiteOptions = {},
): Promise<Site> {
  const [httpPort, tlsPort] = [freePort(), freePort()];
  await using made = new AsyncDisposableStack();
  const pebble = made.use(await Pebble.start({ httpPort, ...behaviour }));
  const config = acmeConfig(pebble.directoryUrl, { httpPort, tlsPort }, acme, issuer);
  const gateway = await TestGateway.start(config + acmeVhost("shop", hosts, vhost) + more, {
    "ca.pem": pebble.ca,
    "shop/index.html": "page of shop",
    ...files,
  });
  made.move();
  return new Site(gateway, pebble, httpPort, tlsPort);
}
