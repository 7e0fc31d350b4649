/** Sets of statuses as the configuration lists them. @module */

/** Statuses from 100 to 599. */
export interface StatusSet {
  has(status: number): boolean;
}

/** The statuses of a list and of inclusive ranges. */
export function statusSet(
  statuses: readonly number[],
  ranges: readonly { readonly start: number; readonly end: number }[],
): StatusSet {
  const found = new Set(statuses);
  for (const { start, end } of ranges) {
    for (let status = start; status <= end; status++) found.add(status);
  }
  return found;
}
