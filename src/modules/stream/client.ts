/** The client of a stream. @module */

/** The client that a connection is for. */
export interface Client {
  /** `""` where a PROXY header names none. */
  readonly address: string;
  readonly port: number;
}
