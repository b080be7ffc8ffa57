import { AssertionError as NodeAssertionError, partialDeepStrictEqual } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { AssertionError, format, suffix } from "./assertion_error.ts";

/** Whether two values are deeply equal. */
export function equal(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}

/** Asserts that two values are deeply equal; shows where they differ. */
export function assertEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  if (equal(actual, expected)) return;
  const difference = new NodeAssertionError({ actual, expected, operator: "deepStrictEqual" })
    .message;
  throw new AssertionError(
    `Values are not equal${suffix(message)}\n${difference}`,
  );
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${format(actual)} not to be: ${format(expected)}${suffix(message)}`,
  );
}

/** Asserts that `actual` holds every item of `expected`, in any order. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T> & object,
  expected: ArrayLike<T> & object,
  message?: string,
): void {
  const found = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !found.some((candidate) => equal(candidate, item)));
  if (missing.length === 0) return;
  throw new AssertionError(
    `Expected actual: "${format(actual)}" to include: "${format(expected)}"${suffix(message)}\n` +
      `missing: ${format(missing)}`,
  );
}

/** Asserts that `actual` has every property of `expected`, at every depth; it may have more. */
export function assertObjectMatch(
  actual: Record<PropertyKey, unknown>,
  expected: Record<PropertyKey, unknown>,
  message?: string,
): void {
  try {
    partialDeepStrictEqual(actual, expected);
  } catch (error) {
    const difference = error instanceof Error ? error.message : String(error);
    throw new AssertionError(
      `Values are not equal${suffix(message)}\n${difference}`,
    );
  }
}
