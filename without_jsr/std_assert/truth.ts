import { AssertionError, format, suffix } from "./assertion_error.ts";

/** Asserts that a value is truthy. */
export function assert(value: unknown, message = ""): asserts value {
  if (!value) throw new AssertionError(message);
}

/** What `assertFalse` lets through. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Asserts that a value is falsy. */
export function assertFalse(
  value: unknown,
  message = "",
): asserts value is Falsy {
  if (value) throw new AssertionError(message);
}

/** Asserts that a value is neither null nor undefined. */
export function assertExists<T>(
  actual: T,
  message?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not be null or undefined${suffix(message)}`,
  );
}

/** Asserts that two values are the same, by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const [actualText, expectedText] = [format(actual), format(expected)];
  if (actualText === expectedText) {
    throw new AssertionError(
      `Values have the same structure but are not reference-equal${suffix(message)}\n\n    ${actualText}\n`,
    );
  }
  throw new AssertionError(
    `Values are not strictly equal${suffix(message)}\n  actual: ${actualText}\nexpected: ${expectedText}`,
  );
}

/** Asserts that two values are not the same, by `Object.is`. */
export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  if (!Object.is(actual, expected)) return;
  throw new AssertionError(
    `Expected "actual" to not be strictly equal to: ${format(actual)}${suffix(message)}`,
  );
}

function nameOfType(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "Object";
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedClass: abstract new (...args: never[]) => T,
  message?: string,
): asserts actual is T {
  if (actual instanceof expectedClass) return;
  throw new AssertionError(
    `Expected object to be an instance of "${expectedClass.name}" but was "${nameOfType(actual)}"${suffix(message)}`,
  );
}

/** Asserts that a value is not an instance of a class. */
export function assertNotInstanceOf<A, T>(
  actual: A,
  unexpectedClass: abstract new (...args: never[]) => T,
  message?: string,
): asserts actual is Exclude<A, T> {
  if (!(actual instanceof unexpectedClass)) return;
  throw new AssertionError(
    `Expected object to not be an instance of "${unexpectedClass.name}"${suffix(message)}`,
  );
}

/** Fails at once. */
export function fail(message?: string): never {
  throw new AssertionError(`Failed assertion${suffix(message)}`);
}

/** Fails where the program should never come. */
export function unreachable(message?: string): never {
  throw new AssertionError(`Unreachable${suffix(message)}`);
}
