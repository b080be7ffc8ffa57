/**
 * How MapReduce fails.
 *
 * @module
 */

/** A job that cannot be run as it is described, or has failed; the message says why and what to change. */
export class JobError extends Error {
  /** The class name, for logs. */
  override readonly name = "JobError";
}

/** No coordinator answered in time. */
export class CoordinatorUnreachableError extends Error {
  /** The class name, for logs. */
  override readonly name = "CoordinatorUnreachableError";
}

/** The output of a finished map task is missing or damaged; the map task must be executed again. */
export class MissingRunError extends Error {
  /** The class name, for logs. */
  override readonly name = "MissingRunError";
  /** The file. */
  readonly path: string;

  /** Made by the reader of that file. */
  constructor(path: string, problem: string) {
    super(`Cannot read the intermediate file ${path}: ${problem}`);
    this.path = path;
  }
}

/** The text of anything that was thrown, with its stack if it has one. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.stack ?? `${error.name}: ${error.message}` : String(error);
}
