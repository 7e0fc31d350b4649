/** Profile `reverse-proxy`: reverse proxy only. @module */
// First of all: no module may find what no permission guards.
import "../runtime/permissions/unguarded.ts";

import { module as access } from "../modules/access/module.ts";
import { module as admin } from "../modules/admin/module.ts";
import { module as authBasic } from "../modules/auth_basic/module.ts";
import { module as authJwt } from "../modules/auth_jwt/module.ts";
import { module as concurrency } from "../modules/concurrency/module.ts";
import { module as control } from "../modules/control/module.ts";
import { module as defaultPages } from "../modules/default_pages/module.ts";
import { module as headers } from "../modules/headers/module.ts";
import { module as maintenance } from "../modules/maintenance/module.ts";
import { module as proxy } from "../modules/proxy/module.ts";
import { module as rateLimit } from "../modules/rate_limit/module.ts";
import { module as respond } from "../modules/respond/module.ts";
import { module as secureLink } from "../modules/secure_link/module.ts";
import { module as tls } from "../modules/tls/module.ts";
import type { Profile } from "../runtime/threads/profile.ts";
import { records } from "../runtime/log/records.ts";

/** What this build contains. */
export const profile: Profile = {
  name: "reverse-proxy",
  modules: [
    access,
    maintenance,
    rateLimit,
    concurrency,
    authBasic,
    authJwt,
    secureLink,
    respond,
    proxy,
    defaultPages,
    headers,
    tls,
    control,
    admin,
  ],
  records,
  workerUrl: new URL("./reverse-proxy_worker.ts", import.meta.url),
  services: {
    control: new URL("./reverse-proxy_control.ts", import.meta.url),
  },
};
