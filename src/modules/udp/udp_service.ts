/** The routes of `[udp]` in the service `udp`. @module */
import { openSeriesMetrics } from "../../gateway/reports/series_metrics.ts";
import type { RunningService, Service } from "../../gateway/threads/service.ts";
import type { Plain } from "../../gateway/threads/thread.ts";
import { UdpRoute } from "./route.ts";
import { udpRoutes } from "./table.ts";

/** Owns the ports: one thread does, since a UDP port cannot be shared by several. */
export const udp: Service = {
  module: "udp-proxy",
  role: "udp",
  openMetrics: openSeriesMetrics,
  start(context): Promise<RunningService> {
    const routes: UdpRoute[] = [];
    try {
      for (const table of udpRoutes(context.config)) {
        const route = new UdpRoute(table, context);
        routes.push(route);
        route.open();
      }
    } catch (error) {
      for (const route of routes) route.close();
      return Promise.reject(error);
    }
    return Promise.resolve({
      // A change of the table needs another process.
      reload: () => Promise.resolve(),
      takes: ["status"],
      call: (): Promise<Plain> => Promise.resolve(routes.map((route) => route.status())),
      stop: () => {
        for (const route of routes) route.close();
        return Promise.resolve();
      },
    });
  },
};
