/**
 * Mistakes in linearizable reads.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const leader = "raft/core/leader.ts";
const reads = "raft/node/reads.ts";

/** See the module. */
export const readMutants: readonly Mutant[] = [
  {
    name: "read-without-quorum",
    origin: "thesis 6.4, step 3",
    file: leader,
    find: "of leadership.reads.confirm(round)) {",
    replace: "of leadership.reads.confirm(Math.max(round, lastRound))) {",
    whyItMatters: "a leader that was cut off serves the past",
    focus: "coups",
  },
  {
    name: "read-by-lease",
    origin: "Consul 54: a lease without bounds on clocks",
    knownBug: 16,
    file: leader,
    find: "of leadership.reads.confirm(round)) {",
    replace: `of leadership.reads.confirm(
      hasQuorum(state.log.configuration, (member) =>
          member === state.config.id || leadership.progress.get(member)?.recentActive === true)
        ? lastRound
        : round,
    )) {`,
    whyItMatters: "a leader that was paused believes that it still leads",
    focus: "coups",
  },
  {
    name: "read-before-the-no-op",
    origin: "thesis 6.4, step 1; Redis-Raft 18, 19 and 22",
    knownBug: 3,
    file: leader,
    find: "if (!leadership.reads.hasWaiting || state.log.commitIndex < leadership.firstIndex) return;",
    replace: "if (!leadership.reads.hasWaiting) return;",
    whyItMatters: "a new leader does not know yet what is committed, and serves the past",
    focus: "coups",
  },
  {
    name: "any-reply-confirms-reads",
    origin: "thesis 6.4: heartbeats sent after the read arrived; etcd-io/raft 397",
    knownBug: 4,
    file: leader,
    find: "progress.ackedReadRound = reply.readRound;",
    replace: "progress.ackedReadRound = leadership.reads.lastRound;",
    whyItMatters: "a reply to an old heartbeat confirms a read that came after it",
    focus: "coups",
  },
  {
    name: "read-round-joined-late",
    origin: "thesis 6.4: heartbeats sent after the read arrived",
    knownBug: 4,
    file: "raft/core/read_index.ts",
    find: "    this.#lastRound += 1;",
    replace: "    if (this.#rounds.length === 0) this.#lastRound += 1;",
    whyItMatters: "replies that are on their way already confirm reads that come now",
    focus: "coups",
  },
  {
    name: "read-context-used-again",
    origin: "etcd 20418",
    knownBug: 4,
    file: reads,
    find: "      else this.#waiting.push(...left);\n",
    replace: `      else {
        if (left.length > 0) this.#nextContext = context;
        this.#waiting.push(...left);
      }
`,
    whyItMatters: "the answer to an old round serves readers that have come since",
    focus: "coups",
  },
  {
    name: "read-before-applied",
    origin: "thesis 6.4, step 4; Redis-Raft 18 and 30, etcd 3879",
    knownBug: 15,
    file: reads,
    find: `    this.#confirmed = confirmed.filter((one) => one.index > appliedIndex);
    for (const { index, readers } of confirmed) {
      if (index > appliedIndex) continue;`,
    replace: `    this.#confirmed = confirmed.filter((one) => one.index < appliedIndex - appliedIndex);
    for (const { index, readers } of confirmed) {`,
    whyItMatters: "a replica that lags, or has just started, serves the past",
  },
  {
    name: "read-served-locally",
    origin: "paper 8: a leader must check whether it has been deposed before it answers",
    file: "raft/rsm/rsm.ts",
    find: `    if (consistency === "stale") {
      return this.#host`,
    replace: `    if (consistency === "stale" || this.node.leader === this.node.id) {
      return this.#host`,
    whyItMatters: "a leader that was deposed serves the past",
    focus: "coups",
  },
];
