/** The program with profile `full`. @module */
import { profile } from "../../profiles/full.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
