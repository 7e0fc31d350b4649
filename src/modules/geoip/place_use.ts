/**
 * Who asks where clients are: a scope in which nobody does is not looked up for.
 *
 * @module
 */
import type { RouteScope } from "../../gateway/module.ts";
import type { AccessConfig } from "../access/module.ts";
import type { HeadersConfig } from "../headers/module.ts";

/** What of a client's place somebody asks for. */
export interface PlaceUse {
  readonly country: boolean;
  readonly asn: boolean;
}

/** What the policies of `scope` itself ask for: a vhost's with those of the root, or a route's own. */
export function placeUse({ config, vhost, route }: RouteScope): PlaceUse {
  const access: AccessConfig | undefined = (route ?? vhost).access;
  const headers = route === undefined ? [config.headers, vhost.headers] : [route.headers];
  const values = headers.flatMap(writtenValues);
  const writes = (variable: string) => values.some((value) => value.includes(variable));
  const asks = (...lists: (readonly unknown[] | undefined)[]) =>
    access?.enabled === true && lists.some((list) => list !== undefined && list.length > 0);
  return {
    country: asks(access?.allow_countries, access?.deny_countries) || writes("{geo.country}"),
    asn: asks(access?.allow_asns, access?.deny_asns) || writes("{geo.asn}"),
  };
}

/** The values of an upstream's request that may have these variables. */
function writtenValues(table: HeadersConfig | undefined): string[] {
  const request = table?.request;
  return [request?.set, request?.add, request?.operations?.add].flatMap((map) =>
    Object.values(map ?? {})
  );
}
