/**
 * The head of a request as an upstream would be sent it, for `fluxheim explain`: written by what writes it
 * to connections.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { ClientRequest } from "../../http/client.ts";
import { writeRequestHead } from "../../http/h1/client.ts";
import { writeRequestHead as writeHttp2RequestHead } from "../../http/h2/mod.ts";
import type { UpstreamTarget } from "../../net/dial/dial.ts";

/**
 * Method and target, then the fields, line by line, their bytes read as UTF-8. An upstream with which the
 * protocol is yet to be agreed is taken to prefer HTTP/2.
 */
export function headLines(
  request: ClientRequest,
  version: UpstreamTarget["version"],
): readonly string[] {
  const fields = version === "http1" ? http1Fields(request) : http2Fields(request);
  return [`${request.method} ${request.target}`, ...fields.map(readable)];
}

function http1Fields(request: ClientRequest): string[] {
  let head = "";
  writeRequestHead({
    text: (text) => head += text,
    field: (name, value) => head += `${name}: ${value}\r\n`,
  }, request);
  return head.split("\r\n").slice(1).filter((line) => line !== "");
}

/** The text of a field line, which has one character a byte. */
function readable(line: string): string {
  return Buffer.from(line, "latin1").toString();
}

/** Method and target are fields there, too. */
const ON_FIRST_LINE = [":method", ":path"];

function http2Fields(request: ClientRequest): string[] {
  const lines: string[] = [];
  writeHttp2RequestHead(
    {
      begin() {},
      field(name, value) {
        if (!ON_FIRST_LINE.includes(name)) lines.push(`${name}: ${value}`);
      },
      end() {},
    },
    0,
    request,
    request.body === undefined,
  );
  return lines;
}
