/**
 * Writes keys: one, or those of a transaction, all of it or nothing; and sees to it that leases know of it.
 *
 * @module
 */
import type { WriteFailure, WriteOutcome } from "./outcomes.ts";
import type { LeaseTable } from "./leases.ts";
import type { Comparison, KeyWrite, PutIfVersion, TransactionOperation } from "./operations.ts";
import type { Store, StoreChanges, StoreEntry } from "./store.ts";
import { valuesEqual } from "./values.ts";

/** The keys, and what they are tied to. */
export interface Keys {
  /** The keys and their values. */
  readonly store: Store;
  /** The leases. */
  readonly leases: LeaseTable;
}

/**
 * Does `then` or `else`, whichever the comparisons say, and tells which by 1 or 0. If one of the writes is refused those
 * before it are undone, in reverse order: the store is as if nothing had happened.
 */
export function transact(keys: Keys, transaction: TransactionOperation, nowMs: number): WriteOutcome {
  const { store, leases } = keys;
  const holds = transaction.comparisons.every((comparison) => isTrue(store, comparison));
  const changesBefore = store.changes?.count ?? 0;
  const undo: { readonly key: string; readonly entry: StoreEntry | undefined; readonly lease: number }[] = [];
  for (const write of holds ? transaction.then : transaction.else) {
    const entry = store.entry(write.key);
    const lease = leases.leaseOf(write.key);
    const failure = failureOf(writeKey(keys, write, nowMs));
    if (failure !== null) {
      for (const step of undo.reverse()) {
        store.undo(step.key, step.entry);
        leases.tie(step.key, step.lease);
      }
      store.changes?.takeBack(changesBefore);
      return { kind: "operationFailed", position: undo.length, reason: failure };
    }
    undo.push({ key: write.key, entry, lease });
  }
  if (store.changes !== null) mergeChanges(store, store.changes, changesBefore, undo);
  return { kind: "done", number: holds ? 1 : 0 };
}

/** A key that was written more than once has changed once, from what it was to what it is. */
function mergeChanges(
  store: Store,
  changes: StoreChanges,
  changesBefore: number,
  undo: readonly { readonly key: string; readonly entry: StoreEntry | undefined }[],
): void {
  const before = new Map<string, StoreEntry | undefined>();
  for (const { key, entry } of undo) {
    if (!before.has(key)) before.set(key, entry);
  }
  if (before.size === undo.length) return;
  changes.takeBack(changesBefore);
  for (const [key, was] of before) {
    const entry = store.entry(key);
    if (entry !== was) changes.changed(key, entry);
  }
}

/** Executes a write to one key. */
export function writeKey({ store, leases }: Keys, write: KeyWrite | PutIfVersion, nowMs: number): WriteOutcome {
  switch (write.kind) {
    case "put":
      return tied(leases, write.key, 0, store.put(write.key, write.value));
    case "putIfVersion":
      return tied(leases, write.key, 0, store.putIfVersion(write.key, write.value, write.version));
    case "append":
      return store.append(write.key, write.value);
    case "delete":
      return tied(leases, write.key, 0, store.delete(write.key));
    case "increment":
      return store.increment(write.key, write.by);
    case "putWithLease": {
      const judgement = leases.judge(write.lease, write.key, nowMs);
      if (judgement !== "ok") return { kind: judgement };
      return tied(leases, write.key, write.lease, store.put(write.key, write.value));
    }
  }
}

/** Ties a key to a lease, 0 for none, if it was written. */
function tied(leases: LeaseTable, key: string, lease: number, outcome: WriteOutcome): WriteOutcome {
  const isDone = outcome.kind === "written" || outcome.kind === "done";
  if (isDone && (lease !== 0 || leases.keyCount > 0)) leases.tie(key, lease);
  return outcome;
}

function isTrue(store: Store, comparison: Comparison): boolean {
  const entry = store.entry(comparison.key);
  switch (comparison.kind) {
    case "version":
      return (entry?.version ?? 0) === comparison.version;
    case "value":
      return entry !== undefined && valuesEqual(entry.value, comparison.value);
  }
}

function failureOf(outcome: WriteOutcome): WriteFailure | null {
  switch (outcome.kind) {
    case "wrongType":
    case "valueTooLarge":
    case "storeFull":
    case "notANumber":
    case "outOfRange":
    case "unknownLease":
    case "leaseFull":
      return outcome.kind;
    default:
      return null;
  }
}
