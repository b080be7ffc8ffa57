/**
 * The one error that storage throws for what an operator can meet: a held directory, a foreign one, damage, a newer
 * format, a failing disk.
 *
 * @module
 */

/** What kind of trouble a {@link StorageError} is. */
export type StorageErrorCode =
  /** Another process, or another part of this one, has the directory open. */
  | "locked"
  /** The directory belongs to another cluster or to another node. */
  | "foreign"
  /** What was durable is damaged or gone. */
  | "corrupt"
  /** The last batch looks as if it had never finished, and nothing proves that it was not acknowledged. */
  | "suspect"
  /** Nobody may speak under the directory's identity any more: it is an older copy, or was replaced. */
  | "retired"
  /** A file was written by a newer version of Balsa. */
  | "version"
  /** The operating system refused a read, a write or an fsync. */
  | "io"
  /** The configuration given for a new directory makes no sense. */
  | "configuration";

/** Where damage is. */
export interface DamagedPlace {
  /** The file. */
  readonly file: string;
  /** Where in it what is wrong begins, in bytes. */
  readonly offset: number;
  /** What is wrong. */
  readonly found: string;
}

/** Storage cannot be opened or cannot go on. The message says what was attempted, what was found and what can be done. */
export class StorageError extends Error {
  /** The class name, for logs. */
  override readonly name = "StorageError";
  /** What kind of trouble it is. */
  readonly code: StorageErrorCode;

  /** Where the damage is, if it is damage that was found in a file. */
  readonly place: DamagedPlace | null;

  /** `cause` is the operating system's error, where there is one. */
  constructor(code: StorageErrorCode, message: string, cause?: unknown, place: DamagedPlace | null = null) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.place = place;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error for damage: names file and offset, and says what can be done, since nothing is ever cut off silently. */
export function corruptError(directory: string, file: string, offset: number, found: string): StorageError {
  return new StorageError(
    "corrupt",
    `Cannot open data directory ${directory}: ${file} is damaged at offset ${offset}: ${found}. Nothing was changed. ` +
      `See what is left with: balsa disk inspect ${directory}`,
    undefined,
    { file, offset, found },
  );
}
