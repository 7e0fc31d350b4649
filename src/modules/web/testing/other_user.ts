/**
 * Checks a root as a user without any file, in a process of its own: a right that was given up does not
 * come back. Run by a user other than root it checks as that user.
 *
 * @module
 */
import process from "node:process";
import { checkListing, checkRoot } from "../preflight.ts";
import { pageSchema } from "../schema.ts";

const NOBODY = 65534;

const [root] = Deno.args;
const web = pageSchema.parse({ root, directory_listing: { enabled: true } });
if (Deno.uid() === 0) {
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}
const found = {
  root: await checkRoot(web, "web.root"),
  listing: await checkListing(web, "web.root"),
};
console.log(JSON.stringify(found));
