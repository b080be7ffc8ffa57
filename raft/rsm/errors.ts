/**
 * The two ways in which a command can fail, kept apart because the caller must act differently: a command that was *not
 * done* may be tried again anywhere; one of *unknown* fate may have been executed, or may be executed yet.
 *
 * @module
 */
import type { RefusalReason } from "../node/proposals.ts";
import type { NodeId } from "../core/types.ts";

/** Why a command was definitely not executed, or a read not served. */
export type NotDoneReason =
  /** "notLeader", "overloaded", "transferringLeadership": the log did not take the command. */
  | RefusalReason
  /** Another leader's entry was committed in the command's place. */
  | "slotLost"
  /** The command is larger than `maxCommandBytes`. */
  | "tooLarge"
  /** The leader has no room on its disk. It goes on, or somebody else leads, once there is room. */
  | "diskFull"
  /** The node had stopped. */
  | "stopped"
  /** The caller's signal was aborted before the command was proposed. */
  | "aborted"
  /** No leader, or no confirmation of a read, within the caller's time. */
  | "timeout";

/** Why nobody can say whether a command was executed. */
export type UnknownReason =
  /** Its slot in the log was not decided within the caller's time. */
  | "timeout"
  /** The node stopped first. */
  | "stopped"
  /** A snapshot from another node replaced the log with the command's slot in it. */
  | "compacted"
  /** The caller's signal was aborted after the command had been proposed. */
  | "aborted";

/** What became of a command. */
export type SubmitOutcome<Result> =
  /** Committed and executed here. */
  | { readonly kind: "done"; readonly result: Result }
  /** Not executed, and never will be; `leader` is who may take it. */
  | { readonly kind: "notDone"; readonly reason: NotDoneReason; readonly leader: NodeId | null }
  /** Nobody knows. */
  | { readonly kind: "unknown"; readonly reason: UnknownReason };

/** What became of a read. */
export type ReadOutcome<Answer> =
  /** The machine's answer. */
  | { readonly kind: "done"; readonly answer: Answer }
  /** The machine's `query` threw. */
  | { readonly kind: "failed"; readonly error: unknown }
  /** Not served; harmless to repeat, here or at `leader`. */
  | { readonly kind: "notDone"; readonly reason: NotDoneReason; readonly leader: NodeId | null };

const notDoneTexts: Readonly<Record<NotDoneReason, string>> = {
  notLeader: "this node is not the leader",
  overloaded: "too many commands wait to be committed; try again later",
  transferringLeadership: "leadership is being handed over; try again soon",
  configurationChangeInProgress: "another change of the configuration is under way; try again later",
  slotLost: "leadership was lost and another command took its place; submit it again",
  tooLarge: "the command is larger than maxCommandBytes",
  diskFull: "the leader's disk is full; free some space, or try again when another node leads",
  stopped: "this node has stopped",
  aborted: "the signal was aborted before the command was proposed",
  timeout: "no leader confirmed it in time; try again or ask another node",
};

const unknownTexts: Readonly<Record<UnknownReason, string>> = {
  timeout: "it was proposed but not decided in time",
  stopped: "this node stopped before it was decided",
  compacted: "a snapshot from the leader replaced the part of the log that would tell",
  aborted: "the signal was aborted after it had been proposed",
};

/** The command was not executed and never will be (or: the read was not served). Trying again is safe. */
export class NotDoneError extends Error {
  /** The class name, for logs. */
  override readonly name = "NotDoneError";
  /** Why. */
  readonly reason: NotDoneReason;
  /** The node that may take it, if one is known. */
  readonly leader: NodeId | null;

  /** Made by the replicated state machine. */
  constructor(reason: NotDoneReason, leader: NodeId | null, options?: ErrorOptions) {
    const hint = leader === null ? "" : `; the leader is ${leader}`;
    super(`Not done: ${notDoneTexts[reason]}${hint}`, options);
    this.reason = reason;
    this.leader = leader;
  }
}

/** The command may have been executed, or may be yet. Trying again may execute it twice. */
export class UnknownOutcomeError extends Error {
  /** The class name, for logs. */
  override readonly name = "UnknownOutcomeError";
  /** Why. */
  readonly reason: UnknownReason;

  /** Made by the replicated state machine. */
  constructor(reason: UnknownReason, options?: ErrorOptions) {
    super(`Cannot tell whether the command was executed: ${unknownTexts[reason]}`, options);
    this.reason = reason;
  }
}
