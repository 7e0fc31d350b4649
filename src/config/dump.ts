/**
 * The effective configuration as TOML.
 *
 * @module
 */
import { stringify } from "smol-toml";

/**
 * TOML of {@linkcode Loaded.effective}: every default written out, paths absolute, sizes in bytes. Loading
 * it again gives the same configuration.
 */
export function dumpToml(effective: Readonly<Record<string, unknown>>): string {
  return stringify(effective);
}
