/**
 * Mistakes in the log: what is appended, truncated, committed and called durable.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const log = "raft/core/log.ts";
const follower = "raft/core/follower.ts";
const leader = "raft/core/leader.ts";

/** See the module. */
export const logMutants: readonly Mutant[] = [
  {
    name: "commit-of-an-earlier-term",
    origin: "paper 5.4.2, Figure 8; LogCabin 44",
    knownBug: 6,
    file: leader,
    find: "if (reached <= log.commitIndex || log.termAt(reached) !== state.currentTerm) return;",
    replace: "if (reached <= log.commitIndex) return;",
    whyItMatters: "a committed entry can still be replaced",
    provokes: ["commit-rule"],
  },
  {
    name: "own-entry-counted-before-durable",
    origin: "thesis 10.2.1: a leader may count itself only when its own write is done",
    knownBug: 5,
    file: leader,
    find: "(member) => member === config.id ? log.persistedIndex : leadership.progress.get(member)?.matchIndex ?? 0,",
    replace: "(member) => member === config.id ? log.last.index : leadership.progress.get(member)?.matchIndex ?? 0,",
    whyItMatters: "an entry is called committed that a minority has",
  },
  {
    name: "single-voter-does-not-wait-for-its-disk",
    origin: "etcd 14370",
    knownBug: 5,
    file: leader,
    find: "(member) => member === config.id ? log.persistedIndex : leadership.progress.get(member)?.matchIndex ?? 0,",
    replace: `(member) =>
      member === config.id
        ? (log.configuration.voters.length === 1 ? log.last.index : log.persistedIndex)
        : leadership.progress.get(member)?.matchIndex ?? 0,`,
    whyItMatters: "a power cut takes an acknowledged write from a cluster of one",
  },
  {
    name: "append-acknowledged-before-durable",
    origin: "paper Figure 2: state is updated on stable storage before responding",
    file: follower,
    find: "if (waits && !isDurable) effects.sendAfterPersist(reply);",
    replace: "if (waits && !isDurable) effects.send(reply);",
    whyItMatters: "power cuts take what a majority has acknowledged",
  },
  {
    name: "heartbeat-acknowledges-what-is-not-durable",
    origin: "paper Figure 2: state is updated on stable storage before responding",
    file: follower,
    find: "matchIndex: waits ? index : Math.min(index, log.persistedIndex),",
    replace: "matchIndex: index,",
    whyItMatters: "the same, by the answer to a heartbeat that overtakes the disk",
  },
  {
    name: "truncation-without-conflict",
    origin: "paper Figure 2, AppendEntries, receiver 3; akka 151",
    knownBug: 7,
    file: log,
    find: "if (this.contains(entry)) continue;",
    replace: "",
    whyItMatters: "a delayed message deletes entries that a later one has brought, and that are committed",
  },
  {
    name: "no-truncation-at-a-conflict",
    origin: "paper Figure 2, AppendEntries, receiver 3; qdrant 1329",
    knownBug: 7,
    file: log,
    find: "if (entry.index <= this.last.index) this.#truncateFrom(entry.index);",
    replace: "if (entry.index <= this.last.index) continue;",
    whyItMatters: "entries of two histories stand in one log",
    provokes: ["log-matching"],
  },
  {
    name: "consistency-check-left-out",
    origin: "paper Figure 2, AppendEntries, receiver 2",
    file: follower,
    find: "if (!log.contains(request.prevLog)) {",
    replace: "if (request.prevLog.index > log.last.index) {",
    whyItMatters: "entries follow ones that they never followed at the leader",
  },
  {
    name: "commit-beyond-what-was-compared",
    origin: "paper Figure 2, AppendEntries, receiver 5",
    file: follower,
    find: "log.commitTo(Math.min(request.leaderCommit, lastNew));",
    replace: "log.commitTo(Math.min(request.leaderCommit, log.last.index));",
    whyItMatters: "a follower applies entries that the leader does not have",
    provokes: ["commit-agreement", "state-machine-safety", "replica-state"],
  },
  {
    name: "commit-index-falls",
    origin: "CCF 5674: a commit rolled back on stepping down",
    knownBug: 7,
    file: log,
    find: "this.#commitIndex = Math.max(this.#commitIndex, index);",
    replace: "this.#commitIndex = index;",
    whyItMatters: "what is committed may be truncated",
    provokes: ["monotonic-commit", "node-step"],
  },
  {
    name: "durable-index-kept-at-truncation",
    origin: "CockroachDB 63302: memory and disk go apart at a truncation",
    knownBug: 7,
    file: log,
    find: "    this.#persistedIndex = Math.min(this.#persistedIndex, index - 1);\n",
    replace: "",
    whyItMatters: "entries that have replaced others count as durable when only the replaced ones are",
    provokes: ["node-state"],
  },
  {
    name: "replacing-entries-not-written",
    origin: "CockroachDB 63302: memory and disk go apart at a truncation",
    knownBug: 7,
    file: log,
    find: "    this.#nextToPersist = Math.min(this.#nextToPersist, index);\n",
    replace: "",
    whyItMatters: "the disk keeps what was truncated, and a restart brings it back",
  },
  {
    name: "old-write-acknowledges-new-entries",
    origin: "etcd-io/raft, async_storage_writes_append_aba_race",
    knownBug: 8,
    file: log,
    find: "if (this.termAt(last.index) === last.term) this",
    replace: "if (last.index <= this.last.index) this",
    whyItMatters: "entries count as durable whose write has not begun",
  },
  {
    name: "leader-takes-entries",
    origin: "paper Figure 3, Leader Append-Only, and 5.1: requests of an earlier term are rejected",
    file: "raft/core/raft.ts",
    find:
      `} else if (message.term < state.currentTerm && message.type !== "ReadIndex") return this.#refuseStale(message);`,
    replace: `} else if (
      message.term < state.currentTerm && message.type !== "ReadIndex" &&
      (message.type !== "AppendEntries" || state.role !== "leader")
    ) return this.#refuseStale(message);`,
    also: [{
      file: follower,
      find: `follow(state, request.from);
  const { log, effects } = state;
  if (!log.contains(request.prevLog)) {`,
      replace: `if (state.role !== "leader") follow(state, request.from);
  const { log, effects } = state;
  if (!log.contains(request.prevLog)) {`,
    }],
    whyItMatters: "a deposed leader that comes back late deletes what the new one has promised",
  },
  {
    name: "leader-gives-in",
    origin: "paper 5.3: conflicts are resolved by forcing the followers' logs to duplicate the leader's",
    file: leader,
    find: "progress.becomeProbe(state.log.conflictHint(reply.hint).index + 1);",
    replace: `state.log.giveUp(reply.hint.index + 1);
  progress.becomeProbe(state.log.conflictHint(reply.hint).index + 1);`,
    also: [{
      file: log,
      find: "  #truncateFrom(index: LogIndex): void {\n",
      replace: `  /** Gives up what nobody has committed. */
  giveUp(index: LogIndex): void {
    if (index > this.#commitIndex && index <= this.last.index) this.#truncateFrom(index);
  }

  #truncateFrom(index: LogIndex): void {\n`,
    }],
    whyItMatters: "a follower that lacks entries takes them from the leader, too",
    provokes: ["leader-append-only"],
  },
];
