/** Fixed answers at work. @module */
import type { EdgeModule, RouteScope, Steps } from "../../gateway/module.ts";
import { Fields } from "../../http/fields.ts";
import type { RespondConfig } from "./schema.ts";

const encoder = new TextEncoder();

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "respond",
  open: () => ({
    start: () => ({
      plan: ({ route }): Steps | undefined => route?.respond && answerWith(route.respond),
      explain: ({ route }: RouteScope) => route?.respond && described(route.respond),
      stop() {},
    }),
  }),
};

function answerWith({ status, body, content_type: type, headers }: RespondConfig): Steps {
  const bytes = body === "" ? undefined : encoder.encode(body);
  const template = new Fields();
  if (bytes !== undefined) template.append("content-type", type);
  for (const [name, value] of Object.entries(headers)) template.append(name.toLowerCase(), value);
  return {
    serve: (exchange) => {
      exchange.status = status;
      // The steps on the answer change the fields.
      exchange.response = template.clone();
      exchange.responseBody = bytes;
    },
  };
}

function described({ status, body }: RespondConfig): string {
  return body === "" ? `${status} without content` : `${status} with a text of the configuration`;
}
