/**
 * Stands in for `@std/assert` where JSR cannot be reached: the assertions the tests use, over `node:assert`.
 *
 * Where the two differ this one is the stricter, so that what passes here passes with the real package too:
 * `0` and `-0` are different values here, and an object without a prototype differs from a plain object.
 *
 * @module
 */
export { AssertionError } from "./assertion_error.ts";
export { assertArrayIncludes, assertEquals, assertNotEquals, assertObjectMatch, equal } from "./equality.ts";
export { assertIsError, assertRejects, assertThrows } from "./errors.ts";
export {
  assertAlmostEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "./comparison.ts";
export {
  assert,
  assertExists,
  assertFalse,
  assertInstanceOf,
  assertNotInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
  fail,
  unreachable,
} from "./truth.ts";
