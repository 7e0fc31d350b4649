/** Sets of modules as programs, for tests of the whole program. @module */
export * from "../../src/cli/testing/build.ts";
