/**
 * Explains every error the shell can meet, those of the command line's parser among them.
 *
 * @module
 */
import { ValidationError } from "jsr:@cliffy/command@^1.2.0";
import { revealWords } from "./dashes.ts";
import { describeFailure, exitUsage, type Failure } from "./failure.ts";

/** What to print and how to exit after `error`. */
export function explain(error: unknown): Failure {
  if (!(error instanceof ValidationError)) return describeFailure(error);
  const message = revealWords(error.message).replace(/[.\s]+$/, "");
  return { message, exitCode: exitUsage };
}
