import { closest } from "npm:fastest-levenshtein@1.0.16";

/** What a {@link ValidationError} may be given. */
export interface ValidationErrorOptions extends ErrorOptions {
  /** What the process exits with when the command shows the error itself. */
  exitCode?: number;
}

/** The user has given the command something it cannot take. */
export class ValidationError extends Error {
  /** What the process exits with. */
  readonly exitCode: number;
  /** The command that was given it. */
  cmd?: unknown;

  constructor(message: string, options: ValidationErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exitCode = options.exitCode ?? 2;
  }
}

/** A name as it is typed on the command line: `-i`, `--id`. */
export function flagOf(name: string): string {
  if (name.startsWith("-")) return name;
  return name.length > 1 ? `--${name}` : `-${name}`;
}

function didYouMean(kind: string, given: string, known: string[]): string {
  if (known.length === 0) return "";
  const lowered = known.map((name) => name.toLowerCase());
  const nearest = known[lowered.indexOf(closest(given.toLowerCase(), lowered))];
  return nearest === undefined ? "" : ` Did you mean ${kind} "${nearest}"?`;
}

/** The error for a command that does not exist; suggests the nearest one that does. */
export function unknownCommand(name: string, known: string[]): ValidationError {
  return new ValidationError(
    `Unknown command "${name}".${didYouMean("command", name, known)}`,
  );
}

/** The error for a flag that no option has, with the nearest one that an option has; or for a value it cannot take. */
export function unusableFlag(text: string, known: string[]): ValidationError {
  const [flag = "", value] = text.split(/=(.*)/s);
  if (value !== undefined && known.includes(flag)) {
    return new ValidationError(`Option "${flag}" doesn't take a value, but got "${value}".`);
  }
  return new ValidationError(`Unknown option "${flagOf(flag)}".${didYouMean("option", flagOf(flag), known)}`);
}
