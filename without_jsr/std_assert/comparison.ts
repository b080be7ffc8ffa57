import { AssertionError, format, suffix } from "./assertion_error.ts";

function assertOrder<T>(
  holds: boolean,
  sign: string,
  actual: T,
  expected: T,
  message: string | undefined,
): void {
  if (holds) return;
  throw new AssertionError(
    message ?? `Expect ${format(actual)} ${sign} ${format(expected)}`,
  );
}

/** Asserts that `actual > expected`. */
export function assertGreater<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  assertOrder(actual > expected, ">", actual, expected, message);
}

/** Asserts that `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  assertOrder(actual >= expected, ">=", actual, expected, message);
}

/** Asserts that `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, message?: string): void {
  assertOrder(actual < expected, "<", actual, expected, message);
}

/** Asserts that `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  assertOrder(actual <= expected, "<=", actual, expected, message);
}

/** Asserts that two numbers differ by no more than `tolerance`; by default, by one part in ten million. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ??
    (isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= allowed) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to be close to "${expected}": ` +
      `delta "${delta}" is greater than "${allowed}"${suffix(message)}`,
  );
}

/** Asserts that a string includes another. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  message?: string,
): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to contain: "${expected}"${suffix(message)}`,
  );
}

/** Asserts that a string matches a pattern. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  message?: string,
): void {
  if (expected.test(actual)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to match: "${expected}"${suffix(message)}`,
  );
}

/** Asserts that a string does not match a pattern. */
export function assertNotMatch(
  actual: string,
  expected: RegExp,
  message?: string,
): void {
  if (!expected.test(actual)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not match: "${expected}"${suffix(message)}`,
  );
}
