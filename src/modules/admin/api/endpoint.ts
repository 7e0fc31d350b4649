/**
 * Endpoints of the admin API. Every module brings those of what it owns: it names them in the `extends` of its
 * part in the control service.
 *
 * @module
 */
import { ExtensionPoint } from "../../../gateway/extension.ts";
import type { ServiceContext } from "../../../gateway/threads/service.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import type { Outcome } from "../calls.ts";
import type { Inputs } from "./inputs.ts";

/** Something that can be asked. */
export interface Endpoint {
  readonly method: "GET" | "POST";
  /** Below `/_fluxheim/`: `snapshots`, `cache/status`. */
  readonly path: string;
  /** Served on the ops socket as well: to everyone who may connect, or only with the token. */
  readonly ops?: "open" | "token";
  /** Asks what owns the thing, and passes its outcome on. */
  answer(inputs: Inputs, context: ServiceContext): Promise<Outcome>;
}

/** The endpoints of a build. */
export const ENDPOINTS: ExtensionPoint<Endpoint> = new ExtensionPoint("admin.endpoint");

/** A key that a module adds to what `GET status` answers: `load_balancer`, `udp`. */
export interface StatusPart {
  readonly key: string;
  /** `undefined` where there is nothing to say. */
  read(context: ServiceContext): Promise<Plain | undefined>;
}

/** What modules add to the status. */
export const STATUS_PARTS: ExtensionPoint<StatusPart> = new ExtensionPoint("admin.status");
