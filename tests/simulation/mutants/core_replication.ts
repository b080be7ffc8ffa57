/**
 * Mistakes in how a leader brings its log to others: lost messages, flow, snapshots.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const leader = "raft/core/leader.ts";
const log = "raft/core/log.ts";
const follower = "raft/core/follower.ts";

/** See the module. */
export const replicationMutants: readonly Mutant[] = [
  {
    name: "lost-entries-not-noticed",
    origin: "paper 5.3: the leader retries AppendEntries indefinitely",
    file: leader,
    find: "const index = progress.nextIndex - 1;\n    // What",
    replace: "const index = progress.matchIndex;\n    // What",
    whyItMatters: "an AppendEntries that is lost is never sent again",
  },
  {
    name: "rejection-ignored",
    origin: "paper 5.3: after a rejection, the leader decrements nextIndex and retries",
    file: leader,
    find: "if (!reply.success) return handleRejection(state, progress, reply);",
    replace: "if (!reply.success) return reply.matchIndex < 0 ? handleRejection(state, progress, reply) : undefined;",
    whyItMatters: "a follower whose log differs never gets the leader's",
  },
  {
    name: "probe-never-ends",
    origin: "a leader that probes sends one AppendEntries at a time",
    file: leader,
    find: `if (progress.state === "probe") progress.becomeReplicate();`,
    replace: `if (progress.state === "probe" && isNews) progress.becomeReplicate();`,
    whyItMatters: "a follower that has nothing new to say is never sent to again",
  },
  {
    name: "rejection-taken-for-success",
    origin: "paper Figure 2, leaders: nextIndex and matchIndex move on success only",
    file: leader,
    find: "if (!reply.success) return handleRejection(state, progress, reply);",
    replace: "if (!reply.success && reply.matchIndex > log.last.index) return handleRejection(state, progress, reply);",
    whyItMatters: "entries are committed that the follower does not have",
  },
  {
    name: "snapshot-chunk-not-sent-again",
    origin: "paper 7 and Figure 13: the leader sends chunks in order, and again if there is no answer",
    file: leader,
    find: "if (transfer === null || ++transfer.idleTicks < state.config.electionTimeoutTicks) return;",
    replace: "if (transfer === null || ++transfer.idleTicks > 0) return;",
    whyItMatters: "one lost message, and a follower waits for ever",
  },
  {
    name: "unavailable-snapshot-not-replaced",
    origin: "etcd 18055: two snapshots within a short time",
    knownBug: 12,
    file: leader,
    find: "if (progress !== undefined && progress.isSending(snapshot)) startSnapshot(state, progress);",
    replace: "if (progress?.transfer === null && progress.isSending(snapshot)) startSnapshot(state, progress);",
    whyItMatters: "a follower waits for ever for a snapshot that two newer ones have replaced",
    focus: "absences",
  },
  {
    name: "snapshot-trusted-by-length",
    origin: "paper Figure 13, receiver 6: same index and term",
    knownBug: 12,
    file: follower,
    find: "if (log.last.index >= index && log.contains(snapshot.last)) log.commitTo(index);",
    replace: "if (log.last.index >= index) log.commitTo(index);",
    whyItMatters: "a follower with a long log of another history calls it committed",
    focus: "tails",
  },
  {
    name: "snapshot-discards-what-follows",
    origin: "paper Figure 13, receiver 6: retain log entries following it",
    knownBug: 12,
    file: follower,
    find: `if (log.last.index >= index && log.contains(snapshot.last)) log.commitTo(index);
    else {
      invariant(state.role !== "leader", "a leader's log lacks what a snapshot proves to be committed");`,
    replace: "{",
    whyItMatters: "entries go that the follower has acknowledged",
    focus: "stragglers",
  },
  {
    name: "snapshot-over-a-newer-state",
    origin: "hashicorp/raft 1.4.0: a gap after a restored snapshot",
    knownBug: 11,
    file: follower,
    find: "  if (index > log.commitIndex) {",
    replace: "  if (index > log.snapshot.last.index) {",
    also: [
      {
        file: follower,
        find: "if (request.snapshot.last.index <= log.commitIndex) {",
        replace: "if (log.commitIndex < 0) {",
      },
      {
        file: follower,
        find: "if (log.last.index >= index && log.contains(snapshot.last)) log.commitTo(index);",
        replace: "if (log.last.index < 0) log.commitTo(index);",
      },
      {
        file: log,
        find:
          "invariant(index > this.#commitIndex, `snapshot at ${index} is behind commitIndex ${this.#commitIndex}`);",
        replace: "invariant(index > 0, `snapshot at ${index}`);",
      },
    ],
    whyItMatters: "a late snapshot takes a replica back to where it was",
    focus: "stragglers",
  },
  {
    name: "snapshot-does-not-restart-the-log",
    origin: "Redis-Raft 42, 43 and 48: indexes of snapshot and log do not fit",
    knownBug: 12,
    file: "raft/core/effects.ts",
    find: "    this.#restoreSnapshot = snapshot;\n    this.#logStart = snapshot;",
    replace: "    this.#restoreSnapshot = snapshot;",
    whyItMatters: "the log on disk has a gap where the snapshot was installed",
  },
  {
    name: "compaction-off-by-one",
    origin: "paper 7: the snapshot replaces entries up to its last index",
    knownBug: 12,
    file: log,
    find: "    this.#entries.splice(0, count);\n",
    replace: "    this.#entries.splice(0, count + 1);\n",
    whyItMatters: "the first entry behind the snapshot is lost",
  },
  {
    name: "uncommitted-bytes-never-paid-back",
    origin: "a limit on uncommitted entries must be lifted when they are committed",
    file: leader,
    find: "leadership.uncommittedBytes -= log.bytesBetween(log.commitIndex, reached);",
    replace: "leadership.uncommittedBytes -= 2 * log.bytesBetween(log.commitIndex, reached);",
    whyItMatters: "a leader refuses everything, or accepts too much",
  },
  {
    name: "reminded-of-what-was-sent",
    origin: "a follower has promised what it has acknowledged, not what it was sent; Balsa's own",
    file: leader,
    find: "  if (rejectedIndex <= progress.matchIndex) return remind(state, progress);\n",
    replace: `  if (rejectedIndex <= progress.matchIndex) return remind(state, progress);
  state.effects.send({ ...state.headerTo(progress.id), type: "Reminder", matchIndex: rejectedIndex });
`,
    whyItMatters: "a follower that has merely not got everything yet gives its identity up",
  },
  {
    name: "what-is-there-called-lost",
    origin: "a refusal may be older than what was acknowledged since; Balsa's own",
    file: follower,
    find: "  if (last < matchIndex) effects.lose(",
    replace: "  if (last <= matchIndex) effects.lose(",
    whyItMatters: "an old message makes a follower that has everything give its identity up",
  },
];
