/** The program with profile `privacy`. @module */
import { profile } from "../../profiles/privacy.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
