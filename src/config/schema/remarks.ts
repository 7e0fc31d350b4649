/**
 * What schemas say of a key beside its shape: that it changes nothing, that it protects something.
 *
 * @module
 */
import { z } from "zod";

/** Why a key changes nothing, and the way out. */
export interface Inert {
  /** Goes on after `has no effect: `. */
  readonly because: string;
  /** What does what the key is for, or that it can be left out. */
  readonly instead: string;
}

/**
 * Keys that are accepted because the 1.5 line has them, and change nothing:
 * `z.boolean().register(inertKeys, { ... })`. One that is written with its default is not mentioned: it
 * asks for what happens anyway.
 */
export const inertKeys: z.core.$ZodRegistry<Inert> = z.registry<Inert>();

/** What a table protects from. */
export interface Protection {
  /** Goes on after `no request is `: `limited`, `authenticated`. */
  readonly undone: string;
}

/** Tables, with a key `enabled`, whose absence lets more through than their author believes. */
export const protections: z.core.$ZodRegistry<Protection> = z.registry<Protection>();
