/** Placeholder types until the schemas stand. */
export interface CoreRoute {
  readonly name: string;
}
export interface CoreVhost {
  readonly name: string;
  readonly hosts: readonly string[];
}
export interface CoreConfig {
  readonly server: Record<string, unknown>;
}
