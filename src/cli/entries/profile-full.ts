/** The program with profile `profile-full`. @module */
import { profile } from "../../profiles/profile-full.ts";
import { main } from "../main.ts";

export { profile };

if (import.meta.main) await main(profile);
