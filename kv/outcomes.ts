/**
 * What a write comes to, and how a session keeps it: as one small number.
 *
 * @module
 */

/** Why a write to one key was refused, whatever it expected. */
export type WriteFailure =
  /** Text was appended to bytes, or bytes to text. */
  | "wrongType"
  /** The value would have had more than `maxValueBytes`. */
  | "valueTooLarge"
  /** All keys and values together would have had more than `maxStoreBytes`, or there are `maxLocks` locks. */
  | "storeFull"
  /** What was to be counted up is not a whole number in decimal digits. */
  | "notANumber"
  /** The number would have gone beyond plus or minus 2^48. */
  | "outOfRange"
  /** The lease that the key was to be tied to is not there, or not any more. */
  | "unknownLease"
  /** The lease has as many keys as it can have. */
  | "leaseFull";

/** What became of a write. Nothing has changed unless it is "written" or "done". */
export type WriteOutcome =
  /** A put, append or putIfVersion is done; `version` is the key's new version. */
  | { readonly kind: "written"; readonly version: number }
  /**
   * Any other write is done. `number` is what it tells: how many keys were deleted; the incremented number; 1 if a
   * transaction's comparisons held and 0 if not; the token of a lock that was acquired; the id of a lease that was granted;
   * 0 where there is nothing to tell.
   */
  | { readonly kind: "done"; readonly number: number }
  /** The key has this version, not the one that was expected; >= 1. */
  | { readonly kind: "versionMismatch"; readonly version: number }
  /** The key is missing, and a version was expected. */
  | { readonly kind: "noKey" }
  /** Refused. */
  | { readonly kind: WriteFailure }
  /** A transaction's write at this position, counted from 0, would have been refused. */
  | { readonly kind: "operationFailed"; readonly position: number; readonly reason: WriteFailure }
  /** Somebody holds the lock, for so many milliseconds of cluster time unless it is renewed; >= 1. */
  | { readonly kind: "lockHeld"; readonly remainingMs: number }
  /** The lock is not, or not any more, held under this token. */
  | { readonly kind: "lockNotHeld" };

/** By the number that stands for each; numbers once given are never given again. */
const firstFailures = ["wrongType", "valueTooLarge", "storeFull", "notANumber", "outOfRange"] as const;
const leaseFailures = ["unknownLease", "leaseFull"] as const;

/** All of them. */
export const writeFailures: readonly WriteFailure[] = [...firstFailures, ...leaseFailures];

const codes = 16;

const plainKinds = new Map<number, WriteOutcome>([
  [1, { kind: "wrongType" }],
  [2, { kind: "valueTooLarge" }],
  [3, { kind: "storeFull" }],
  [5, { kind: "noKey" }],
  [7, { kind: "notANumber" }],
  [8, { kind: "outOfRange" }],
  [11, { kind: "lockNotHeld" }],
  [12, { kind: "unknownLease" }],
  [13, { kind: "leaseFull" }],
]);

/** An outcome as one number: 16 times the figure that it tells, if it tells one, plus the number of its kind, below 16. */
export function packOutcome(outcome: WriteOutcome): number {
  switch (outcome.kind) {
    case "written":
      return outcome.version * codes;
    case "wrongType":
      return 1;
    case "valueTooLarge":
      return 2;
    case "storeFull":
      return 3;
    case "versionMismatch":
      return outcome.version * codes + 4;
    case "noKey":
      return 5;
    case "done":
      return outcome.number * codes + 6;
    case "notANumber":
      return 7;
    case "outOfRange":
      return 8;
    case "operationFailed":
      return outcome.reason === "unknownLease" || outcome.reason === "leaseFull"
        ? (outcome.position * leaseFailures.length + leaseFailures.indexOf(outcome.reason)) * codes + 14
        : (outcome.position * firstFailures.length + firstFailures.indexOf(outcome.reason)) * codes + 9;
    case "lockHeld":
      return outcome.remainingMs * codes + 10;
    case "lockNotHeld":
      return 11;
    case "unknownLease":
      return 12;
    case "leaseFull":
      return 13;
  }
}

/** The inverse of {@link packOutcome}; null for a number that it never returns. */
export function unpackOutcome(packed: number): WriteOutcome | null {
  if (!Number.isSafeInteger(packed)) return null;
  const figure = Math.floor(packed / codes);
  const code = packed - figure * codes;
  if (code === 6) return { kind: "done", number: figure };
  if (figure < 0) return null;
  if (code === 9 || code === 14) {
    const reasons = code === 9 ? firstFailures : leaseFailures;
    const reason = reasons[figure % reasons.length];
    const position = Math.floor(figure / reasons.length);
    return reason === undefined ? null : { kind: "operationFailed", position, reason };
  }
  if (figure === 0) return plainKinds.get(code) ?? null;
  if (code === 0) return { kind: "written", version: figure };
  if (code === 4) return { kind: "versionMismatch", version: figure };
  return code === 10 ? { kind: "lockHeld", remainingMs: figure } : null;
}
