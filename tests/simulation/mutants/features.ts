/**
 * Mistakes in single features of the store: versions, transactions, ranges, locks.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const store = "kv/store.ts";
const transaction = "kv/transaction.ts";
const locks = "kv/locks.ts";
const machine = "kv/state_machine.ts";

/** See the module. */
export const featureMutants: readonly Mutant[] = [
  {
    name: "version-not-compared",
    origin: "MIT 6.5840 lab 2: a put is done only if the versions agree",
    file: store,
    find: "if (current === version) return this.put(key, value);",
    replace: "if (current >= version) return this.put(key, value);",
    whyItMatters: "a put made in ignorance of another one replaces it",
  },
  {
    name: "sessionless-refusal-believed",
    origin: "MIT 6.5840 lab 2: a refusal of what was sent twice is ErrMaybe",
    file: "kv/clerk_engine.ts",
    find: 'if (call.task.kind === "sessionlessWrite" && call.maybeExecuted) {',
    replace: 'if (call.task.kind === "sessionlessWrite" && call.maybeExecuted && call.bytes < 0) {',
    whyItMatters: "a client is told that its put was not done, which was done by the first sending",
  },
  {
    name: "transaction-half-done",
    origin: "all of it or nothing",
    file: transaction,
    find: "for (const step of undo.reverse()) {",
    replace: "for (const step of undo.slice(1).reverse()) {",
    whyItMatters: "a transaction that was refused leaves a part of itself behind",
  },
  {
    name: "one-comparison-is-enough",
    origin: "all comparisons must hold",
    file: transaction,
    find: "const holds = transaction.comparisons.every((comparison) => isTrue(store, comparison));",
    replace: "const holds = transaction.comparisons.length === 0 ||\n" +
      "    transaction.comparisons.some((comparison) => isTrue(store, comparison));",
    whyItMatters: "a transaction does what it should not have done",
  },
  {
    name: "absent-key-equals-empty-value",
    origin: "a missing key has no value that could be compared",
    file: transaction,
    find: "return (entry?.version ?? 0) === comparison.version;",
    replace: "return (entry?.version ?? comparison.version) === comparison.version;",
    whyItMatters: "a transaction takes a key that is gone for unchanged",
  },
  {
    name: "prefix-deleted-but-for-the-last",
    origin: "a deletion tells how many keys it took away, and takes away as many",
    file: store,
    find: "for (const key of keys) {\n      this.delete(key);",
    replace: "for (const key of keys.slice(0, Math.max(1, keys.length - 1))) {\n      this.delete(key);",
    whyItMatters: "a key outlives the deletion of all keys like it",
  },
  {
    name: "lock-released-by-anyone",
    origin: "Kleppmann 2016: whoever has lost the lock must not take it from the next",
    file: locks,
    find: "if (this.held(name, nowMs)?.token !== token) return notHeld;\n    this.#locks.delete(name);",
    replace: "if (this.held(name, nowMs) === null) return notHeld;\n    this.#locks.delete(name);",
    whyItMatters: "a late release gives the lock of another away",
  },
  {
    name: "lock-renewed-by-anyone",
    origin: "Kleppmann 2016: a lease belongs to a token",
    file: locks,
    find: "if (lock?.token !== token) return notHeld;",
    replace: "if (lock === null) return notHeld;",
    whyItMatters: "two believe that they hold the lock",
    focus: "features",
  },
  {
    name: "tokens-used-again",
    origin: "Kleppmann 2016: fencing tokens grow with every acquisition",
    file: machine,
    find: "return this.#locks.acquire(operation.name, operation.leaseMs, index, clusterTimeMs);",
    replace: "return this.#locks.acquire(operation.name, operation.leaseMs, 1 + (index >>> 4), clusterTimeMs);",
    whyItMatters: "a resource cannot tell the holder from the one before it",
  },
  {
    name: "locks-lost-on-restore",
    origin: "whatever decides about results belongs into the snapshot",
    file: machine,
    find: "    this.#locks = locks;\n",
    replace: "    this.#locks = locks instanceof LockTable ? new LockTable(this.#options) : locks;\n",
    whyItMatters: "a replica that starts from a snapshot gives away what is held",
  },
  {
    name: "lease-counted-from-the-answer",
    origin: "Gray and Cheriton 1989: the holder must count from before it asked",
    file: "kv/lock.ts",
    find: "return new HeldLock(this.#clerk, this.name, result.token, this.#leaseMs, sentAtMs);",
    replace:
      "return new HeldLock(this.#clerk, this.name, result.token, this.#leaseMs, clock.monotonicMs() + this.#leaseMs / 2);",
    whyItMatters: "a holder goes on for a while when the lock is another's",
    focus: "features",
    provokes: ["mutual-exclusion"],
  },
];
