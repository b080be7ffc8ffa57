/**
 * Mistakes in the driver of a node, in its connections, and in the replicated state machine on top of it.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const node = "raft/node/node.ts";
const writer = "raft/node/log_writer.ts";
const host = "raft/rsm/machine_host.ts";
const pending = "raft/rsm/pending.ts";

/** See the module. */
export const nodeMutants: readonly Mutant[] = [
  {
    name: "promises-leave-before-the-write",
    origin: "paper Figure 2: state is updated on stable storage before responding",
    knownBug: 17,
    file: writer,
    find: "    this.#writing = Promise.resolve().then(() => storage.write(batch)).then(",
    replace: `    for (const message of batch.messagesAfterPersist) this.#options.send(message);
    this.#writing = storage.write(batch).then(`,
    whyItMatters: "votes and acknowledgements that a power cut takes back",
  },
  {
    name: "failed-write-called-done",
    origin: "a failed fsync says nothing about what the disk has (fsyncgate, PostgreSQL 2018)",
    file: writer,
    find: `        if (error instanceof DiskFullError) this.#refused(error);
        else onFailed(error);`,
    replace: "        if (!this.#isStopped) this.#written(batch);",
    whyItMatters: "a node with a broken disk acknowledges what it does not have",
  },
  {
    name: "log-without-a-bound",
    origin: "a log that grows for as long as a snapshot takes; Balsa's own",
    file: node,
    find: "room?.bytes(log.unpersistedBytes) ?? Infinity",
    replace: "room === null ? 0 : Infinity",
    whyItMatters: "a disk that is slow makes the log as large as it will go, on disk and in memory",
    focus: "disks",
    provokes: ["log-bound"],
  },
  {
    name: "applied-in-reverse",
    origin: "paper Figure 3, State Machine Safety",
    file: host,
    find: "for (const entry of entries) {",
    replace: "for (const entry of [...entries].reverse()) {",
    whyItMatters: "replicas that cut the log into other slices come to other states",
    provokes: ["state-machine-safety"],
  },
  {
    name: "entries-applied-during-a-restore",
    origin: "etcd 13766: state and applied index go apart",
    knownBug: 18,
    file: "raft/node/apply_queue.ts",
    // Both guards at once, `hasWork` and the loop of `run`: without either of them alone nothing happens.
    find: "this.#restoring = applier.restore(snapshot, readSnapshot()).then(",
    replace: "applier.restore(snapshot, readSnapshot()).then(",
    whyItMatters: "entries change a state that is about to be replaced",
    focus: "absences",
  },
  {
    name: "snapshot-not-restored",
    origin: "paper Figure 13, receiver 8: reset the state machine using the snapshot's contents",
    knownBug: 18,
    file: host,
    find: "await this.#options.machine.restore(machineChunks);",
    replace: "for await (const _ of machineChunks);",
    whyItMatters: "a replica that has got a snapshot goes on from its old state",
  },
  {
    name: "snapshot-of-a-later-state",
    origin: "etcd 17780: what is saved is not what the index says",
    knownBug: 18,
    file: "kv/state_machine.ts",
    find: `    return {
      entries: this.#store.view(),`,
    replace: `    const store = this.#store;
    return {
      get entries() {
        return store.view();
      },`,
    whyItMatters: "a snapshot holds the effects of entries that will be applied to it once more",
  },
  {
    name: "cluster-time-goes-back",
    origin: "time in a replicated machine must be a function of the log, and monotonic",
    file: host,
    find: "if (entry.clusterTimeMs > this.#clusterTimeMs) this.#clusterTimeMs = entry.clusterTimeMs;",
    replace: "this.#clusterTimeMs = entry.clusterTimeMs;",
    whyItMatters: "what has expired is there again, and what is ordered by time is not",
  },
  {
    name: "cluster-time-lost-on-restore",
    origin: "whatever decides about results belongs into the snapshot",
    file: host,
    find: "    this.#clusterTimeMs = header.clusterTimeMs;\n",
    replace: "",
    whyItMatters: "a restored replica expires sessions at another time than the others",
  },
  {
    name: "waiter-without-term",
    origin: "course notes on Raft: index alone does not identify a command; Redis-Raft 23",
    knownBug: 14,
    file: pending,
    find: `      if (proposedIn < term) {
        this.#overtaken(proposedIn, slots);
        continue;
      }
      const waiter = this.#take(proposedIn, slots, index);
      waiter?.callback(proposedIn === term ? { kind: "done", result } : this.#slotLost());`,
    replace: `      this.#take(proposedIn, slots, index)?.callback({ kind: "done", result });`,
    also: [{
      file: pending,
      find: `      if (proposedIn < term) this.#overtaken(proposedIn, slots);
      else this.#take(proposedIn, slots, index)?.callback(this.#slotLost());`,
      replace: `      this.#take(proposedIn, slots, index)?.callback(this.#slotLost());`,
    }],
    whyItMatters: "a client is told that its write was done when another one took its place",
  },
  {
    name: "timeout-reported-as-not-done",
    origin: "Redis-Raft 23",
    knownBug: 14,
    file: pending,
    find: `for (const waiter of hopeless) waiter.callback({ kind: "unknown", reason });`,
    replace: `for (const waiter of hopeless) {
      waiter.callback(
        reason === "timeout" ? { kind: "notDone", reason, leader: this.#leader() } : { kind: "unknown", reason },
      );
    }`,
    whyItMatters: "a client is told that a write was not done that is done a moment later",
  },
  {
    name: "dials-broken-by-each-other",
    origin: "what is given up too soon, and begun anew, never ends; Balsa's own",
    file: "raft/wire/peer_link.ts",
    find: "      this.#patienceMs *= 2;\n",
    replace: "",
    whyItMatters: "nodes far from each other that dial at the same time never connect",
    focus: "elections",
  },
  {
    name: "entry-left-out-by-followers",
    origin: "a replica that leaves out a command differs from the others",
    file: host,
    find: 'if (entry.kind === "command") {',
    replace: `if (entry.kind === "command") {
        if (entry.index % 97 === 0 && this.#options.node().leader !== this.#options.node().id) continue;`,
    whyItMatters: "a replica silently goes its own way",
    provokes: ["replica-state", "convergence"],
  },
  {
    name: "state-outlives-the-node",
    origin: "a process that starts has nothing but its disk",
    file: "raft/core/state.ts",
    find: "this.electionDeadlineTicks = electionTimeoutTicks + Math.floor(random() * electionTimeoutTicks);",
    replace:
      `this.electionDeadlineTicks = electionTimeoutTicks + Math.floor(random() * electionTimeoutTicks + drawn++) %
        electionTimeoutTicks;`,
    also: [{
      file: "raft/core/state.ts",
      find: "/** The state of one node. */",
      replace: "let drawn = 0;\n\n/** The state of one node. */",
    }],
    whyItMatters: "a failing seed does not fail again",
    provokes: ["determinism"],
  },
  {
    name: "true-randomness",
    origin: "a simulation is worth nothing if it cannot be repeated",
    file: node,
    find: "random: () => random.next() };",
    replace: "random: () => Math.random() };",
    whyItMatters: "a failing seed does not fail again",
  },
];
