/** The raw upstream, for tests of the whole program. @module */
export * from "../../src/http/h1/testing/raw_upstream.ts";
