/**
 * Mistakes in linearizable reads.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const leader = "raft/core/leader.ts";
const lease = "raft/core/lease.ts";
const follower = "raft/core/follower.ts";
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
    find: "    this.startEmptyRound();",
    replace: "    if (this.#rounds.length === 0) this.startEmptyRound();",
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
  {
    name: "lease-from-the-answer",
    origin: "thesis 6.4.1: the lease begins when the heartbeats are sent",
    knownBug: 16,
    file: leader,
    find: "leadership.roundTimes.of(reply.readRound);",
    replace: "state.tickedAtMs;",
    whyItMatters: "an answer that was long on its way, or waited while the leader was paused, begins a lease anew",
    focus: "leases",
    provokes: ["leader-lease"],
  },
  {
    name: "lease-without-quorum",
    origin: "thesis 6.4.1: acknowledged by a majority",
    file: lease,
    find: "  return nowMs < startMs +",
    replace: "  return nowMs < Math.max(startMs, leadership.roundTimes.of(Infinity)) +",
    whyItMatters: "a leader that was cut off serves the past",
    focus: "leases",
    provokes: ["linearizability"],
  },
  {
    name: "lease-of-the-first-answer",
    origin: "thesis 6.4.1: acknowledged by a majority",
    file: lease,
    find: "leadership.progress.get(member)?.ackedRoundStartMs ?? -Infinity,",
    replace: "Math.max(...[...leadership.progress.values()].map((one) => one.ackedRoundStartMs)),",
    whyItMatters: "a leader that hears from a minority believes that it hears from all",
    focus: "leases",
  },
  {
    name: "lease-kept-over-a-transfer",
    origin: "thesis 6.4.1 and 3.10: TimeoutNow makes servers vote that have just heard from the leader",
    file: leader,
    find: "  leadership.hasSentTimeoutNow = true;\n",
    replace: "",
    whyItMatters: "the successor is elected and writes while the leader before it serves the past",
    focus: "leases",
  },
  {
    name: "lease-back-after-a-transfer",
    origin: "thesis 6.4.1 and 3.10: TimeoutNow may arrive late",
    file: lease,
    find: "leadership.hasSentTimeoutNow) return null;",
    replace: "leadership.transfer?.timeoutNowSent) return null;",
    whyItMatters:
      "a successor that is told to campaign when the transfer was given up does so under the leader's lease",
    focus: "leases",
  },
  {
    name: "lease-by-ticks",
    origin: "Jepsen's SIGSTOP: a process that is stopped has no ticks, and time goes on",
    knownBug: 16,
    file: "raft/node/node.ts",
    find: "this.#raft.leaseIndex(this.#options.clock.monotonicMs())",
    replace: "this.#raft.leaseIndex(this.#raft.state.tickedAtMs)",
    whyItMatters: "a leader that was paused serves the past before its next tick",
    focus: "leases",
    provokes: ["linearizability"],
  },
  {
    name: "restarted-follower-votes-at-once",
    origin: "thesis 6.4.1: servers vote for nobody within an election timeout of hearing from a leader",
    file: follower,
    find: "state.ticksSinceLeader < state.config.electionTimeoutTicks;",
    replace: "(state.leader !== null && state.ticksSinceLeader < state.config.electionTimeoutTicks);",
    whyItMatters: "a follower that has forgotten whom it heard from deposes a leader that counts on it",
    focus: "leases",
  },
  {
    name: "lease-before-the-no-op",
    origin: "thesis 6.4, step 1",
    knownBug: 3,
    file: lease,
    find: "  if (log.commitIndex < leadership.firstIndex) return null;\n",
    replace: "",
    whyItMatters: "a new leader does not know yet what is committed, and serves the past",
    focus: "leases",
  },
  {
    name: "lease-read-before-applied",
    origin: "thesis 6.4, step 4",
    knownBug: 15,
    file: "raft/node/node.ts",
    find: " || index > this.#applyQueue.appliedIndex) return",
    replace: ") return",
    whyItMatters: "what another node has committed and answered is not applied here yet, and the read lacks it",
    focus: "leases",
  },
  {
    name: "lease-as-long-as-the-timeout",
    origin: "thesis 6.4.1: electionTimeout / clockDriftBound; Consul 54: a lease without bounds on clocks",
    knownBug: 16,
    file: lease,
    find: "return (electionTimeoutTicks - tickSlack) * tickMs / clockDriftBound;",
    replace: "return electionTimeoutTicks * tickMs * clockDriftBound;",
    whyItMatters: "a follower whose clock is fast elects somebody else before the lease is over",
    focus: "leases",
  },
];
