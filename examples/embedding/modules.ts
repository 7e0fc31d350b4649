/** The modules of this gateway, as the keeper knows them, in the order in which they are asked. @module */
import type { Module } from "../../mod.ts";
import { module as headers } from "../../src/modules/headers/module.ts";
import { module as web } from "../../src/modules/web/module.ts";
import { module as closed } from "./closed.ts";

export const modules: readonly Module[] = [closed, headers, web];
