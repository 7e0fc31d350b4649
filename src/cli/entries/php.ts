/** The program with profile `php`. @module */
import { profile } from "../../profiles/php.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
