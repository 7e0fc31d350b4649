/** `fluxheim explain`: how a configuration would serve one request. @module */
import { UsageError } from "./args.ts";
import { type Command, EXIT } from "./command.ts";
import { askedRequest } from "./explain/request.ts";
import { explain as explainRequest } from "./explain/explain.ts";
import { explanationText } from "./explain/text.ts";
import { loadOrReport } from "./load.ts";
import { CONFIG, JSON_OUTPUT } from "./options.ts";

/** Explains one request; nothing is bound, and no upstream is asked. */
export const explain: Command = {
  name: "explain",
  summary: "tell which listener, vhost, route, policies and content would serve a request",
  details: [
    "Nothing is bound and no upstream is asked. Static content is looked up as a worker",
    "would, so the command needs permission to read the web roots.",
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
    JSON_OUTPUT,
    CONFIG,
  ],
  async run({ profile, args, io }) {
    const [url] = args.positionals;
    if (url === undefined) throw new UsageError("explain needs a URL");
    const asked = askedRequest(
      url,
      args.get("method") ?? "GET",
      args.all("header"),
      args.get("from") ?? "127.0.0.1",
    );
    const config = await loadOrReport({ profile, args, io });
    if (config === undefined) return EXIT.failed;
    const found = await explainRequest(config, profile.modules, asked);
    if (args.has(JSON_OUTPUT.name)) io.out(JSON.stringify(found, undefined, 2));
    else explanationText(found).forEach(io.out);
    return EXIT.ok;
  },
};
