/** The program with profile `static-site`. @module */
import { profile } from "../../profiles/static-site.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
