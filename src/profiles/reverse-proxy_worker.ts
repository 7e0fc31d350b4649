/** Entry of the edge workers of profile `reverse-proxy`. @module */
// First of all: no module may find what no permission guards.
import "../runtime/permissions/unguarded.ts";

import { edge as access } from "../modules/access/edge.ts";
import { edge as admin } from "../modules/admin/edge.ts";
import { edge as authBasic } from "../modules/auth_basic/edge.ts";
import { edge as authJwt } from "../modules/auth_jwt/edge.ts";
import { edge as concurrency } from "../modules/concurrency/edge.ts";
import { edge as control } from "../modules/control/edge.ts";
import { edge as defaultPages } from "../modules/default_pages/edge.ts";
import { edge as headers } from "../modules/headers/edge.ts";
import { edge as maintenance } from "../modules/maintenance/edge.ts";
import { edge as proxy } from "../modules/proxy/edge.ts";
import { edge as rateLimit } from "../modules/rate_limit/edge.ts";
import { edge as respond } from "../modules/respond/edge.ts";
import { edge as secureLink } from "../modules/secure_link/edge.ts";
import { edge as tls } from "../modules/tls/edge.ts";
import { runEdgeWorker } from "../runtime/threads/edge_worker.ts";
import { records } from "../runtime/log/records.ts";

runEdgeWorker({
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
});
