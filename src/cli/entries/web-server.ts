/** The program with profile `web-server`. @module */
import { profile } from "../../profiles/web-server.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
