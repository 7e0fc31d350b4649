/** The program with profile `proxy`. @module */
import { profile } from "../../profiles/proxy.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
