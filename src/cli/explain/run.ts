/** Explaining one request, or one connection, for the command line. @module */
import { UsageError } from "../args.ts";
import { type Call, EXIT } from "../command.ts";
import { loadOrReport } from "../load.ts";
import { JSON_OUTPUT } from "../options.ts";
import { askedConnection, connectionText, explainConnection } from "./connection.ts";
import { explain } from "./explain.ts";
import { askedRequest } from "./request.ts";
import { explanationText } from "./text.ts";

/** What `fluxheim explain` does with its arguments; returns the exit status. */
export async function runExplain({ profile, args, io }: Call): Promise<number> {
  const [url] = args.positionals;
  if (url === undefined) throw new UsageError("explain needs a URL");
  const connection = askedConnection(url, args);
  if (connection !== undefined) {
    const config = await loadOrReport({ profile, args, io });
    if (config === undefined) return EXIT.failed;
    const found = explainConnection(config, profile.modules, connection);
    const isJson = args.has(JSON_OUTPUT.name);
    if (isJson) io.out(JSON.stringify({ asked: connection, found }, undefined, 2));
    else connectionText(connection, found).forEach(io.out);
    return EXIT.ok;
  }
  const asked = askedRequest(
    url,
    args.get("method") ?? "GET",
    args.all("header"),
    args.get("from") ?? "127.0.0.1",
  );
  const config = await loadOrReport({ profile, args, io });
  if (config === undefined) return EXIT.failed;
  const found = await explain(config, profile.modules, asked);
  if (args.has(JSON_OUTPUT.name)) io.out(JSON.stringify(found, undefined, 2));
  else explanationText(found).forEach(io.out);
  return EXIT.ok;
}
