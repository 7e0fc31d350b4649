/** The program with profile `cache`. @module */
import { profile } from "../../profiles/cache.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
