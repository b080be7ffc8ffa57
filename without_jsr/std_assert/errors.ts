import { stripVTControlCharacters } from "node:util";
import { AssertionError, suffix } from "./assertion_error.ts";

type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

function isErrorClass<E extends Error>(value: unknown): value is ErrorClass<E> {
  return typeof value === "function";
}

/** Asserts that `error` is of the class, and that its message includes or matches what was given. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  expectedClass?: ErrorClass<E>,
  expectedMessage?: string | RegExp,
  message?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    throw new AssertionError(
      `Expected "error" to be an Error object${suffix(message)}`,
    );
  }
  if (expectedClass && !(error instanceof expectedClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${expectedClass.name}", but was "${error.constructor.name}"${suffix(message)}`,
      { cause: error },
    );
  }
  if (!expectedMessage) return;
  const text = stripVTControlCharacters(error.message);
  const matches = typeof expectedMessage === "string"
    ? text.includes(stripVTControlCharacters(expectedMessage))
    : expectedMessage.test(text);
  if (matches) return;
  const expectedText = typeof expectedMessage === "string" ? JSON.stringify(expectedMessage) : String(expectedMessage);
  throw new AssertionError(
    `Expected error message to include ${expectedText}, but got ${JSON.stringify(error.message)}${suffix(message)}`,
    { cause: error },
  );
}

/** Checks what `assertThrows` and `assertRejects` have caught, against the rest of their arguments. */
function checkCaught<E extends Error>(
  error: unknown,
  verb: "thrown" | "rejected",
  classOrMessage: ErrorClass<E> | string | undefined,
  includesOrMessage: string | undefined,
  message: string | undefined,
): unknown {
  if (!isErrorClass<E>(classOrMessage)) return error;
  if (!(error instanceof Error)) {
    throw new AssertionError(
      `A non-Error object was ${verb}${suffix(message)}`,
    );
  }
  assertIsError(error, classOrMessage, includesOrMessage, message);
  return error;
}

/** Asserts that `run` throws; returns the error. */
export function assertThrows(run: () => unknown, message?: string): unknown;
/** Asserts that `run` throws an error of the class whose message includes `messageIncludes`; returns the error. */
export function assertThrows<E extends Error = Error>(
  run: () => unknown,
  expectedClass: ErrorClass<E>,
  messageIncludes?: string,
  message?: string,
): E;
export function assertThrows<E extends Error = Error>(
  run: () => unknown,
  classOrMessage?: ErrorClass<E> | string,
  messageIncludes?: string,
  message?: string,
): unknown {
  try {
    run();
  } catch (error) {
    return checkCaught(
      error,
      "thrown",
      classOrMessage,
      messageIncludes,
      message,
    );
  }
  const words = typeof classOrMessage === "string" ? classOrMessage : message;
  throw new AssertionError(`Expected function to throw${suffix(words)}`);
}

/** Asserts that the promise `run` returns rejects; resolves to the error. */
export function assertRejects(
  run: () => PromiseLike<unknown>,
  message?: string,
): Promise<unknown>;
/** Asserts that the promise rejects with an error of the class whose message includes `messageIncludes`. */
export function assertRejects<E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  expectedClass: ErrorClass<E>,
  messageIncludes?: string,
  message?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  classOrMessage?: ErrorClass<E> | string,
  messageIncludes?: string,
  message?: string,
): Promise<unknown> {
  const words = typeof classOrMessage === "string" ? classOrMessage : message;
  let promise: PromiseLike<unknown>;
  try {
    promise = run();
  } catch (error) {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(words)}`,
      { cause: error },
    );
  }
  if (typeof promise?.then !== "function") {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(words)}`,
    );
  }
  try {
    await promise;
  } catch (error) {
    return checkCaught(
      error,
      "rejected",
      classOrMessage,
      messageIncludes,
      message,
    );
  }
  throw new AssertionError(`Expected function to reject${suffix(words)}`);
}
