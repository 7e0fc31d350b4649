/** The program with profile `proxy-edge`. @module */
import { profile } from "../../profiles/proxy-edge.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
