/**
 * Runs a transaction on a store: all of it or nothing.
 *
 * @module
 */
import type { WriteFailure, WriteOutcome } from "./outcomes.ts";
import type { Comparison, KeyWrite, TransactionOperation } from "./operations.ts";
import type { Store, StoreEntry } from "./store.ts";
import { valuesEqual } from "./values.ts";

/**
 * Does `then` or `else`, whichever the comparisons say, and tells which by 1 or 0. If one of the writes is refused those
 * before it are undone, in reverse order: the store is as if nothing had happened.
 */
export function transact(store: Store, transaction: TransactionOperation): WriteOutcome {
  const holds = transaction.comparisons.every((comparison) => isTrue(store, comparison));
  const undo: { readonly key: string; readonly entry: StoreEntry | undefined }[] = [];
  for (const write of holds ? transaction.then : transaction.else) {
    const entry = store.entry(write.key);
    const failure = failureOf(writeKey(store, write));
    if (failure !== null) {
      for (const step of undo.reverse()) store.undo(step.key, step.entry);
      return { kind: "operationFailed", position: undo.length, reason: failure };
    }
    undo.push({ key: write.key, entry });
  }
  return { kind: "done", number: holds ? 1 : 0 };
}

/** Executes a write to one key. */
export function writeKey(store: Store, write: KeyWrite): WriteOutcome {
  switch (write.kind) {
    case "put":
      return store.put(write.key, write.value);
    case "append":
      return store.append(write.key, write.value);
    case "delete":
      return store.delete(write.key);
    case "increment":
      return store.increment(write.key, write.by);
  }
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
      return outcome.kind;
    default:
      return null;
  }
}
