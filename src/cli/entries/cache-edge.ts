/** The program with profile `cache-edge`. @module */
import { profile } from "../../profiles/cache-edge.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
