/** The program with profile `observability`. @module */
import { profile } from "../../profiles/observability.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
