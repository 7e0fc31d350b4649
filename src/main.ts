/** The program as a checkout runs it: profile `development`. @module */
import { main } from "./cli/main.ts";
import { profile } from "./profiles/development.ts";

if (import.meta.main) await main(profile);
