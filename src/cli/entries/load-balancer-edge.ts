/** The program with profile `load-balancer-edge`. @module */
import { profile } from "../../profiles/load-balancer-edge.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
