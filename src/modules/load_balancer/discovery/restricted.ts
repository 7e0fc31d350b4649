/** Members that no source outside of this network may name (spec 03 section 15.4). @module */
import { splitAuthority } from "../../../http/authority.ts";
import { isRestricted } from "../../../net/restricted.ts";

/** Whether the host of `member` (`ip:port`) is a private, local or reserved address. */
export function isRestrictedMember(member: string): boolean {
  return isRestricted(splitAuthority(member)?.host ?? "");
}
