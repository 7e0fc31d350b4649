/** The program with profile `development`. @module */
import { profile } from "../../profiles/development.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
