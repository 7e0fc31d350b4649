/** `fluxheim explain`: how a configuration would serve one request. @module */
import type { Command } from "../command.ts";
import { CONFIG, JSON_OUTPUT } from "../options.ts";

/** Explains one request; nothing is bound, and no upstream is asked. */
export const explain: Command = {
  name: "explain",
  summary: "show which listener, vhost, route, policies and content would serve a request",
  details: [
    "Nothing is bound and no upstream is asked. Static content is looked up as a worker",
    "would, so the command needs permission to read the web roots. For tcp://HOST:PORT and",
    "udp://HOST:PORT it shows the listener, the route and the upstreams of a stream.",
  ],
  operand: "URL",
  options: [
    { name: "method", short: "X", value: "METHOD", help: "request method, GET unless given" },
    {
      name: "header",
      short: "H",
      value: "'NAME: VALUE'",
      repeat: true,
      help: "a request header; host overrides the URL's",
    },
    {
      name: "from",
      value: "ADDRESS",
      help: "address the connection comes from, 127.0.0.1 unless given",
    },
    { name: "sni", value: "NAME", help: "tcp:// only: name that a TLS client asks for" },
    {
      name: "alpn",
      value: "PROTOCOL",
      repeat: true,
      help: "tcp:// only: a protocol that a TLS client offers",
    },
    JSON_OUTPUT,
    CONFIG,
  ],
  // Workers build most of what it looks at; the other commands do without.
  run: async (call) => await (await import("../explain/run.ts")).runExplain(call),
};
