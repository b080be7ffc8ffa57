/**
 * Mistakes in changes of the configuration and in handing leadership over.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const log = "raft/core/log.ts";
const membership = "raft/core/membership.ts";

/** See the module. */
export const membershipMutants: readonly Mutant[] = [
  {
    name: "change-without-joint-consensus",
    origin: "thesis 4.3; Ongaro, raft-dev 2015",
    knownBug: 1,
    file: membership,
    find: "const first = append(state, jointConfiguration(log.configuration, voters, learners), clusterTimeMs);",
    replace: `const joint = jointConfiguration(log.configuration, voters, learners);
  const first = append(state, { ...joint, outgoing: [] }, clusterTimeMs);`,
    whyItMatters: "the old voters and the new ones elect a leader each",
  },
  {
    name: "joint-consensus-of-one-majority",
    origin: "thesis 4.3: agreement requires separate majorities from both configurations",
    knownBug: 1,
    file: "raft/core/quorum.ts",
    find: "return Math.min(majorityMin(configuration.voters, valueOf), majorityMin(configuration.outgoing, valueOf));",
    replace: "return majorityMin(configuration.voters, valueOf);",
    whyItMatters: "the old voters and the new ones elect a leader each",
  },
  {
    name: "change-during-a-change",
    origin: "thesis 4.3: one change at a time",
    knownBug: 1,
    file: membership,
    find: "if (isUndecided || isJoint(log.configuration)) {",
    replace: "if (isUndecided && log.commitIndex < 0) {",
    also: [{
      file: "raft/core/configuration.ts",
      find: `  invariant(!isJoint(current), "a joint configuration must be left before the next change");\n`,
      replace: "",
    }],
    whyItMatters: "the majority that must agree with a change is not the one that began it",
    focus: "members",
  },
  {
    name: "configuration-active-when-committed",
    origin: "thesis 4.1: a server uses the latest configuration in its log; etcd",
    knownBug: 2,
    file: log,
    find: "return this.#configurations.active;",
    replace: "return this.#configurations.at(this.#commitIndex);",
    whyItMatters: "nodes that have not heard of the commit elect a leader by rules that no longer hold",
  },
  {
    name: "configuration-kept-at-truncation",
    origin: "thesis 4.1: a server that deletes a configuration from its log falls back to the previous one",
    knownBug: 2,
    file: log,
    find: "    this.#configurations.truncateFrom(index);\n",
    replace: "",
    whyItMatters: "a node goes by a configuration that never was",
    provokes: ["configuration-matches-log"],
  },
  {
    name: "non-voter-campaigns",
    origin: "hashicorp/raft 398",
    knownBug: 11,
    file: "raft/core/state.ts",
    find: "if (isVoter(log.configuration, config.id)) return true;",
    replace: "if (config.id.length > 0) return true;",
    whyItMatters: "a node that has been removed, or only learns, becomes leader",
    provokes: ["candidate-is-voter"],
  },
  {
    name: "joint-configuration-never-left",
    origin: "thesis 4.3: once C-old,new is committed, the leader appends C-new",
    file: membership,
    find: "if (isJoint(log.configuration)) append(state, leaveJoint(log.configuration), 0);",
    replace: "if (isJoint(log.configuration)) return;",
    whyItMatters: "nodes that were removed are needed for ever",
  },
  {
    name: "snapshot-with-an-old-configuration",
    origin: "thesis 5: the snapshot includes the latest configuration",
    knownBug: 12,
    file: "raft/node/apply_queue.ts",
    find: `if (entry.kind === "configuration") this.#configuration = entry.configuration;`,
    replace: "",
    whyItMatters: "a node that restarts counts the majority of a configuration that is long gone",
  },
  {
    name: "restored-configuration-ignored",
    origin: "paper Figure 13, receiver 8: load the snapshot's cluster configuration",
    knownBug: 12,
    file: log,
    find: `    this.#configurations.truncateFrom(0);
    this.#configurations.append(index, snapshot.configuration);
    this.#configurations.compactTo(index);
    this.#snapshot = snapshot;`,
    replace: "    this.#snapshot = snapshot;",
    whyItMatters: "a node that was brought up to date by a snapshot counts an old majority",
  },
  {
    name: "new-member-gets-nothing",
    origin: "thesis 4.1: the leader replicates to the servers of the latest configuration",
    file: membership,
    find: `if (!leadership.progress.has(id)) leadership.progress.set(id, new Progress(id, log.last.index));`,
    replace: `if (leadership.progress.has(id)) leadership.progress.set(id, new Progress(id, log.last.index));`,
    whyItMatters: "a change that needs the new member's vote is never committed",
  },
];
