/** The program with profile `reverse-proxy`. @module */
import { profile } from "../../profiles/reverse-proxy.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
