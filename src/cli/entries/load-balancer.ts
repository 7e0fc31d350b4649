/** The program with profile `load-balancer`. @module */
import { profile } from "../../profiles/load-balancer.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
