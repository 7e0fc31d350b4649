/** The program with profile `cache-server`. @module */
import { profile } from "../../profiles/cache-server.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
