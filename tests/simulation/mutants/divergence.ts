/**
 * Mistakes in finding out that a replica has gone its own way.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const check = "raft/node/replica_check.ts";
const host = "raft/rsm/machine_host.ts";

/** See the module. */
export const divergenceMutants: readonly Mutant[] = [
  {
    name: "digests-not-compared",
    origin: "etcd 13766: replicas differed for months, and nobody looked",
    file: check,
    find: "if (others.length === 0) return void",
    replace: "if (others.length >= 0) return void",
    whyItMatters: "a replica that differs serves what was never written",
    provokes: ["divergence"],
  },
  {
    name: "minority-thinks-it-is-right",
    origin: "three replicas: two that agree outvote one",
    file: check,
    find: "if (hasMajority(digest)) return this.#agree",
    replace: "if (hasMajority(digest) || others.length > 1) return this.#agree",
    whyItMatters: "the one replica that is wrong goes on",
    provokes: ["divergence"],
  },
  {
    name: "majority-not-asked",
    origin: "three replicas: two that agree outvote one",
    file: check,
    find: "if (hasMajority(digest)) return this.#agree",
    replace: "if (others.length === 0 && hasMajority(digest)) return this.#agree",
    whyItMatters: "one replica that is wrong stops those that are right",
    provokes: ["divergence"],
  },
  {
    name: "diverged-node-goes-on",
    origin: "a replica that knows that it is wrong must not serve",
    file: "raft/node/node.ts",
    find: "      onDiverged: onFailed,",
    replace: "      onDiverged: () => {},",
    whyItMatters: "the operator is told nothing and clients read what was never written",
    provokes: ["divergence"],
  },
  {
    name: "state-left-out-of-the-digest",
    origin: "states can differ long before a result shows it",
    file: host,
    find: "    if (machine.digest !== undefined) digest.mix(machine.digest());\n",
    replace: "",
    whyItMatters: "a replica that has executed a command too many is not found",
    provokes: ["divergence"],
  },
  {
    name: "results-left-out-of-the-digest",
    origin: "what a session table answers is no part of the store's hash",
    file: host,
    find: "      this.#digest?.mix(machine.digestOfResult?.(result) ?? digestOf(result));\n",
    replace: "",
    whyItMatters: "a replica that answers what no other does is not found",
    provokes: ["divergence"],
  },
  {
    name: "digest-not-in-the-snapshot",
    origin: "whatever is compared must survive a restart",
    file: host,
    find: "new ReplicaDigest(!hasDigest, replicaDigest)",
    replace: "new ReplicaDigest(!hasDigest)",
    whyItMatters: "a replica that restored a snapshot differs from the others for no reason, and stops",
  },
  {
    name: "digest-kept-over-a-restore",
    origin: "whatever is compared must belong to the state that is there",
    file: host,
    find: "    this.#restoreDigest(header);\n",
    replace: "",
    whyItMatters: "a replica that was brought up to date by a snapshot stops for no reason",
  },
  {
    name: "values-not-looked-at",
    origin: "a hash that is kept up to date does not see memory that has changed",
    file: "kv/state_machine.ts",
    find: "    this.#store.scrub(scrubEntries, scrubBytes);\n",
    replace: "",
    whyItMatters: "a flipped bit in memory is served for ever",
    provokes: ["divergence"],
  },
];
