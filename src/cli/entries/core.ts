/** The program with profile `core`. @module */
import { profile } from "../../profiles/core.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
