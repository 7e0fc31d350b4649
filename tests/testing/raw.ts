/** The raw client, for tests of the whole program. @module */
export * from "../../src/http/h1/testing/raw_client.ts";
