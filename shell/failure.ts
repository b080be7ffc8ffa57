/**
 * How the shell fails: a mistake of the person who typed (exit code 2), a command that could not be carried out (exit
 * code 1), or a bug of Balsa's. Only the last shows a stack trace.
 *
 * It imports nothing, because a node's process (node_process.ts) reports its failures through it, too.
 *
 * @module
 */

/** Exit code of a command that did what it was asked to do. */
export const exitOk = 0;
/** Exit code of a command that could not be carried out. */
export const exitFailed = 1;
/** Exit code of a command line that makes no sense. */
export const exitUsage = 2;

/** What was typed makes no sense; the message says what to type instead. */
export class UsageError extends Error {
  /** Shown by `String(error)`. */
  override readonly name = "UsageError";
}

/** What was typed makes sense, but could not be carried out. */
export class CommandFailed extends Error {
  /** Shown by `String(error)`. */
  override readonly name = "CommandFailed";
  /** Exit code of the process. */
  readonly exitCode: number;

  /** `message` is for people. */
  constructor(message: string, exitCode: number = exitFailed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What to print and how to exit after an error. */
export interface Failure {
  /** For people; one or more lines, without a trailing newline. */
  readonly message: string;
  /** {@link exitFailed} or {@link exitUsage}. */
  readonly exitCode: number;
}

/** Errors that the runtime or an assertion throws when the program itself is wrong. */
const bugs = new Set(["TypeError", "ReferenceError", "RangeError", "SyntaxError", "AssertionError", "InvariantError"]);

/** Turns whatever was thrown into what the person at the terminal should read. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof UsageError) return { message: error.message, exitCode: exitUsage };
  if (error instanceof Error && error.name === "NodeOptionsError") {
    return { message: error.message, exitCode: exitUsage };
  }
  if (error instanceof CommandFailed) return { message: error.message, exitCode: error.exitCode };
  if (!(error instanceof Error)) return { message: String(error), exitCode: exitFailed };
  if (bugs.has(error.name)) {
    return {
      message: `This is a bug in Balsa; please report it with these lines:\n${error.stack ?? String(error)}`,
      exitCode: exitFailed,
    };
  }
  return { message: error.message === "" ? error.name : error.message, exitCode: exitFailed };
}
