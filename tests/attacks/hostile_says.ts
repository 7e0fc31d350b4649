/** Begins the line in the log in which `hostile_admin.ts` reports what it got. */
export const ADMIN_SAYS = "asked the keeper: ";
