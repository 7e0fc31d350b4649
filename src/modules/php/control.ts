/** PHP's part in the control service: its panel of the dashboard. @module */
import type { Service } from "../../gateway/threads/service.ts";
import { PANELS } from "../admin/control.ts";
import { pools } from "./dashboard/pools.ts";

/** The part. */
export const control: Service = {
  module: "php-fpm",
  role: "control",
  extends: [PANELS.entry(pools)],
  start: () => Promise.resolve({ reload: () => Promise.resolve(), stop: () => Promise.resolve() }),
};
