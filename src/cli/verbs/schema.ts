/** `fluxheim schema`: what an editor needs to help with a configuration. @module */
import { jsonSchema } from "../../config/schema/generated/json_schema.ts";
import { type Command, EXIT } from "../command.ts";

/** Prints the JSON Schema of the tables that this build knows. */
export const schema: Command = {
  name: "schema",
  summary: "print the JSON Schema of the configuration, for editors",
  details: [
    "Editors with a TOML language server take it from a comment on the first line:",
    "  #:schema ./fluxheim.schema.json",
  ],
  options: [],
  run({ profile, io }) {
    const tables = profile.modules.flatMap((module) => module.schema);
    io.out(JSON.stringify(jsonSchema(tables), undefined, 2));
    return EXIT.ok;
  },
};
