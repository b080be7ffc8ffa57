/**
 * How a Clerk's call can fail.
 *
 * @module
 */

/** What happened, as something a program can decide on. */
export type ClerkErrorCode =
  /** Not done within the call's time: a read was not answered, a write was not executed and never will be. */
  | "timeout"
  /** Not done, as its signal was aborted: a write was not executed and never will be. */
  | "aborted"
  /** Not done, as the Clerk was closed: a write was not executed and never will be. */
  | "closed"
  /** Not done within the call's time, since the leader has no room on its disk: a write was not executed and never will be. */
  | "diskFull"
  /** A write that may have been executed, or may be yet. Repeating it may execute it twice. */
  | "unknown"
  /** Not done: the key holds bytes where text was expected, or text where bytes were. */
  | "wrongType"
  /** Not done: the value would have had more than 1 MiB. */
  | "valueTooLarge"
  /** Not done: the store has no room for more. */
  | "storeFull"
  /** Not done: what was to be incremented is not a whole number in decimal digits. */
  | "notANumber"
  /** Not done: the number would have gone beyond plus or minus 2^48. */
  | "outOfRange"
  /** Not done and never sent: the keys of a transaction belong to different shards. */
  | "crossShard"
  /** A watch cannot go on: no server remembers what happened next. See {@link CompactedError}. */
  | "compacted"
  /** Not watched: no server lets one more watch wait. */
  | "tooManyWatches"
  /** Not done: the lease is not there, or not any more. */
  | "unknownLease"
  /** Not done: the lease has 10,000 keys already. */
  | "leaseFull"
  /** The lease that was held is over, and was not given up. */
  | "leaseLost"
  /** The lock that was held is not held any more, and was not released. */
  | "lockLost"
  /** Not done and never sent, or refused by the server: the key, the value or an option cannot be used. */
  | "invalid";

/** A Clerk's call has failed. Only code "unknown" leaves open whether a write was executed. */
export class ClerkError extends Error {
  /** The class name, for logs. */
  override readonly name = "ClerkError";
  /** What happened. */
  readonly code: ClerkErrorCode;

  /** Made by the Clerk. */
  constructor(code: ClerkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A watch cannot go on: what happened next is forgotten. */
export class CompactedError extends ClerkError {
  /** The first index from which on everything is still known, to a server at least. */
  readonly firstIndex: number;

  /** Made by the Clerk. */
  constructor(index: number, firstIndex: number) {
    super(
      "compacted",
      `Cannot watch from index ${index}: what happened then is forgotten; watch from ${firstIndex} or later, or ask for a ` +
        `snapshot`,
    );
    this.firstIndex = firstIndex;
  }
}

/** Why the store refused a write, in words. */
export const failureTexts = {
  wrongType: "the key's value is of the other type, text or bytes",
  valueTooLarge: "the value would have more than 1 MiB",
  storeFull: "the store has no room for more",
  notANumber: "its value is not a whole number in decimal digits",
  outOfRange: "the number would go beyond plus or minus 281474976710656",
  unknownLease: "there is no such lease, or not any more",
  leaseFull: "the lease has 10000 keys already",
} as const;
