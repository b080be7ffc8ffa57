/**
 * What a write does, as a value and as CBOR, in the log and in a client's request.
 *
 * | operation | bytes |
 * |---|---|
 * | put | `[1, key, value]` |
 * | append | `[2, key, value]` |
 * | putIfVersion | `[3, key, value, version]` |
 * | delete | `[4, key]` |
 * | transaction | `[5, comparisons, then, else]`: an array of comparisons, and two of put, append, delete, increment and putWithLease |
 * | deletePrefix | `[7, prefix, limit]` |
 * | increment | `[8, key, by]` |
 * | acquireLock | `[9, name, leaseMs]` |
 * | renewLock | `[10, name, token]` |
 * | releaseLock | `[11, name, token]` |
 * | grantLease | `[12, ttlMs]` |
 * | keepLeaseAlive | `[13, lease]` |
 * | revokeLease | `[14, lease]` |
 * | putWithLease | `[15, key, value, lease]` |
 *
 * | comparison | bytes |
 * |---|---|
 * | the key has this version, 0 if it is missing | `[1, key, version]` |
 * | the key is there and has this value | `[2, key, value]` |
 *
 * Keys, values and prefixes are within `limits.ts`, and so are the names of locks, which are as keys are. `version` is
 * from 0 to 2^48, `token` and `lease` from 1, `by` from -2^48; `limit` is from 1 to 10,000. Numbers once given are never given again;
 * 6 is spoken for.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import {
  largestNumber,
  maxCounter,
  maxDeletedKeys,
  maxLeaseMs,
  maxTransactionOperations,
  maxTtlMs,
  minLeaseMs,
  minTtlMs,
} from "./limits.ts";
import { arrayFrom, arrayOf, counterFrom, integerFrom, ShapeError, shown, textFrom, valueFrom } from "./shape.ts";
import { keyProblem, prefixProblem, type Value, valueProblem } from "./values.ts";

/** Replaces a value if the key has the version that is expected. */
export interface PutIfVersion {
  /** Discriminates the union. */
  readonly kind: "putIfVersion";
  /** The key. */
  readonly key: string;
  /** Its new value. */
  readonly value: Value;
  /** The version it must have; 0 for a key that must be missing. */
  readonly version: number;
}

/** A write to one key that expects nothing of it; those that a transaction is made of. */
export type KeyWrite =
  /** Replaces the value. */
  | { readonly kind: "put"; readonly key: string; readonly value: Value }
  /** Adds to the end of the value. */
  | { readonly kind: "append"; readonly key: string; readonly value: Value }
  /** Takes the key away, if it is there. */
  | { readonly kind: "delete"; readonly key: string }
  /** Adds to the whole number that the value is, in decimal digits; a missing key counts as 0. */
  | { readonly kind: "increment"; readonly key: string; readonly by: number }
  /** Replaces the value, and ties the key to a lease. */
  | { readonly kind: "putWithLease"; readonly key: string; readonly value: Value; readonly lease: number };

/** What a transaction finds true or not. */
export type Comparison =
  /** The key has this version, 0 if it is missing. */
  | { readonly kind: "version"; readonly key: string; readonly version: number }
  /** The key is there and has this value, of this type. */
  | { readonly kind: "value"; readonly key: string; readonly value: Value };

/** Does all of `then` if all comparisons hold, otherwise all of `else`; or nothing, if one of those is refused. */
export interface TransactionOperation {
  /** Discriminates the union. */
  readonly kind: "transaction";
  /** What is compared; comparisons, `then` and `else` together are at most `maxTransactionOperations`. */
  readonly comparisons: readonly Comparison[];
  /** Done in this order if all comparisons hold. */
  readonly then: readonly KeyWrite[];
  /** Done in this order otherwise. */
  readonly else: readonly KeyWrite[];
}

/** What is done to a lock. */
export type LockOperation =
  /** Takes the lock if nobody holds it; the token is the index of this command's entry. */
  | { readonly kind: "acquireLock"; readonly name: string; readonly leaseMs: number }
  /** Begins the lease anew. */
  | { readonly kind: "renewLock"; readonly name: string; readonly token: number }
  /** Gives the lock up. */
  | { readonly kind: "releaseLock"; readonly name: string; readonly token: number };

/** What is done to a lease. */
export type LeaseOperation =
  /** Grants a lease; its id is the index of this command's entry. */
  | { readonly kind: "grantLease"; readonly ttlMs: number }
  /** Begins its time anew. */
  | { readonly kind: "keepLeaseAlive"; readonly lease: number }
  /** Ends it now, and deletes the keys that are tied to it. */
  | { readonly kind: "revokeLease"; readonly lease: number };

/** What a write does. */
export type Operation =
  | KeyWrite
  | PutIfVersion
  /** Takes away up to `limit` keys that begin with `prefix`, in their order. */
  | { readonly kind: "deletePrefix"; readonly prefix: string; readonly limit: number }
  | TransactionOperation
  | LockOperation
  | LeaseOperation;

const putCode = 1;
const appendCode = 2;
const putIfVersionCode = 3;
const deleteCode = 4;
const transactionCode = 5;
const deletePrefixCode = 7;
const incrementCode = 8;
const acquireLockCode = 9;
const renewLockCode = 10;
const releaseLockCode = 11;
const grantLeaseCode = 12;
const keepLeaseAliveCode = 13;
const revokeLeaseCode = 14;
const putWithLeaseCode = 15;

const versionComparisonCode = 1;
const valueComparisonCode = 2;

/** The operation as CBOR. */
export function operationToCbor(operation: Operation): CborValue {
  switch (operation.kind) {
    case "put":
      return [putCode, operation.key, operation.value];
    case "append":
      return [appendCode, operation.key, operation.value];
    case "putIfVersion":
      return [putIfVersionCode, operation.key, operation.value, operation.version];
    case "delete":
      return [deleteCode, operation.key];
    case "transaction": {
      const { comparisons, then, else: otherwise } = operation;
      return [
        transactionCode,
        comparisons.map(comparisonToCbor),
        then.map(operationToCbor),
        otherwise.map(operationToCbor),
      ];
    }
    case "deletePrefix":
      return [deletePrefixCode, operation.prefix, operation.limit];
    case "increment":
      return [incrementCode, operation.key, operation.by];
    case "acquireLock":
      return [acquireLockCode, operation.name, operation.leaseMs];
    case "renewLock":
      return [renewLockCode, operation.name, operation.token];
    case "releaseLock":
      return [releaseLockCode, operation.name, operation.token];
    case "grantLease":
      return [grantLeaseCode, operation.ttlMs];
    case "keepLeaseAlive":
      return [keepLeaseAliveCode, operation.lease];
    case "revokeLease":
      return [revokeLeaseCode, operation.lease];
    case "putWithLease":
      return [putWithLeaseCode, operation.key, operation.value, operation.lease];
  }
}

/** The inverse of {@link operationToCbor}; throws {@link ShapeError} on anything else. */
export function operationFromCbor(cbor: CborValue | undefined): Operation {
  const items = arrayFrom(cbor, "an operation");
  switch (items[0]) {
    case putCode:
    case appendCode:
    case deleteCode:
    case incrementCode:
    case putWithLeaseCode:
      return keyWriteFrom(items);
    case putIfVersionCode: {
      const [, key, value, version] = arrayOf(items, 4, "an operation");
      return {
        kind: "putIfVersion",
        key: keyFrom(key),
        value: checkedValue(value),
        version: counterFrom(version, 0, "the version"),
      };
    }
    case transactionCode:
      return transactionFrom(items);
    case deletePrefixCode: {
      const [, prefix, limit] = arrayOf(items, 3, "an operation");
      return {
        kind: "deletePrefix",
        prefix: prefixFrom(prefix),
        limit: integerFrom(limit, 1, maxDeletedKeys, "limit"),
      };
    }
    case acquireLockCode: {
      const [, name, leaseMs] = arrayOf(items, 3, "an operation");
      return {
        kind: "acquireLock",
        name: keyFrom(name),
        leaseMs: integerFrom(leaseMs, minLeaseMs, maxLeaseMs, "leaseMs"),
      };
    }
    case renewLockCode:
    case releaseLockCode: {
      const [code, name, token] = arrayOf(items, 3, "an operation");
      const kind = code === renewLockCode ? "renewLock" : "releaseLock";
      return { kind, name: keyFrom(name), token: counterFrom(token, 1, "the token") };
    }
    case grantLeaseCode: {
      const [, ttlMs] = arrayOf(items, 2, "an operation");
      return { kind: "grantLease", ttlMs: integerFrom(ttlMs, minTtlMs, maxTtlMs, "ttlMs") };
    }
    case keepLeaseAliveCode:
    case revokeLeaseCode: {
      const [code, lease] = arrayOf(items, 2, "an operation");
      const kind = code === keepLeaseAliveCode ? "keepLeaseAlive" : "revokeLease";
      return { kind, lease: counterFrom(lease, 1, "the lease") };
    }
    default:
      throw new ShapeError(`operation ${shown(items[0])} is unknown`);
  }
}

function keyWriteFrom(items: readonly CborValue[]): KeyWrite {
  switch (items[0]) {
    case putCode:
    case appendCode:
      arrayOf(items, 3, "an operation");
      return { kind: items[0] === putCode ? "put" : "append", key: keyFrom(items[1]), value: checkedValue(items[2]) };
    case deleteCode:
      return { kind: "delete", key: keyFrom(arrayOf(items, 2, "an operation")[1]) };
    case incrementCode:
      arrayOf(items, 3, "an operation");
      return {
        kind: "increment",
        key: keyFrom(items[1]),
        by: integerFrom(items[2], -largestNumber, largestNumber, "by"),
      };
    case putWithLeaseCode: {
      const [, key, value, lease] = arrayOf(items, 4, "an operation");
      return {
        ...{ kind: "putWithLease", key: keyFrom(key), value: checkedValue(value) },
        lease: counterFrom(lease, 1, "the lease"),
      };
    }
    default:
      throw new ShapeError(`operation ${shown(items[0])} cannot stand in a transaction`);
  }
}

function transactionFrom(items: readonly CborValue[]): TransactionOperation {
  const [comparisons, then, otherwise] = arrayOf(items, 4, "a transaction").slice(1).map((part) =>
    arrayFrom(part, "a part of a transaction")
  );
  if (comparisons === undefined || then === undefined || otherwise === undefined) {
    throw new ShapeError("a transaction must have three parts");
  }
  const count = comparisons.length + then.length + otherwise.length;
  if (count > maxTransactionOperations) {
    throw new ShapeError(`the transaction has ${count} operations; use at most ${maxTransactionOperations}`);
  }
  return {
    kind: "transaction",
    comparisons: comparisons.map(comparisonFrom),
    then: then.map((write) => keyWriteFrom(arrayFrom(write, "an operation"))),
    else: otherwise.map((write) => keyWriteFrom(arrayFrom(write, "an operation"))),
  };
}

function comparisonToCbor(comparison: Comparison): CborValue {
  switch (comparison.kind) {
    case "version":
      return [versionComparisonCode, comparison.key, comparison.version];
    case "value":
      return [valueComparisonCode, comparison.key, comparison.value];
  }
}

function comparisonFrom(cbor: CborValue): Comparison {
  const [code, key, operand] = arrayOf(cbor, 3, "a comparison");
  switch (code) {
    case versionComparisonCode:
      return { kind: "version", key: keyFrom(key), version: counterFrom(operand, 0, "the version") };
    case valueComparisonCode:
      return { kind: "value", key: keyFrom(key), value: checkedValue(operand) };
    default:
      throw new ShapeError(`comparison ${shown(code)} is unknown`);
  }
}

/** A key within its limits. */
export function keyFrom(cbor: CborValue | undefined): string {
  const key = textFrom(cbor, "the key");
  const problem = keyProblem(key);
  if (problem !== null) throw new ShapeError(problem);
  return key;
}

/** A text with which keys may begin; may be empty. */
export function prefixFrom(cbor: CborValue | undefined): string {
  const prefix = textFrom(cbor, "a bound of keys");
  const problem = prefixProblem(prefix);
  if (problem !== null) throw new ShapeError(problem);
  return prefix;
}

function checkedValue(cbor: CborValue | undefined): Value {
  const value = valueFrom(cbor, "the value");
  const problem = valueProblem(value);
  if (problem !== null) throw new ShapeError(problem);
  return value;
}

/** Why an operation cannot be used, as the end of a sentence that begins "Cannot …: "; null when it can. */
export function operationProblem(operation: Operation): string | null {
  switch (operation.kind) {
    case "put":
    case "append":
      return keyProblem(operation.key) ?? valueProblem(operation.value);
    case "putIfVersion":
      return keyProblem(operation.key) ?? valueProblem(operation.value) ?? versionProblem(operation.version);
    case "delete":
      return keyProblem(operation.key);
    case "increment":
      return keyProblem(operation.key) ?? integerProblem("by", operation.by, -largestNumber, largestNumber);
    case "deletePrefix":
      return prefixProblem(operation.prefix) ?? integerProblem("limit", operation.limit, 1, maxDeletedKeys);
    case "transaction":
      return transactionProblem(operation);
    case "acquireLock":
      return keyProblem(operation.name) ?? integerProblem("leaseMs", operation.leaseMs, minLeaseMs, maxLeaseMs);
    case "renewLock":
    case "releaseLock":
      return keyProblem(operation.name) ?? integerProblem("token", operation.token, 1, maxCounter);
    case "grantLease":
      return integerProblem("ttlMs", operation.ttlMs, minTtlMs, maxTtlMs);
    case "keepLeaseAlive":
    case "revokeLease":
      return integerProblem("lease", operation.lease, 1, maxCounter);
    case "putWithLease":
      return keyProblem(operation.key) ?? valueProblem(operation.value) ??
        integerProblem("lease", operation.lease, 1, maxCounter);
  }
}

function transactionProblem({ comparisons, then, else: otherwise }: TransactionOperation): string | null {
  const count = comparisons.length + then.length + otherwise.length;
  if (count > maxTransactionOperations) {
    return `the transaction has ${count} comparisons and operations; use at most ${maxTransactionOperations}`;
  }
  for (const comparison of comparisons) {
    const problem = keyProblem(comparison.key) ??
      (comparison.kind === "value" ? valueProblem(comparison.value) : versionProblem(comparison.version));
    if (problem !== null) return problem;
  }
  for (const write of [...then, ...otherwise]) {
    const problem = operationProblem(write);
    if (problem !== null) return problem;
  }
  return null;
}

function versionProblem(version: number): string | null {
  if (Number.isSafeInteger(version) && version >= 0 && version <= maxCounter) return null;
  return `${version} is no version; use 0 for a missing key, or what a read has told`;
}

/** Why a number cannot be used; null when it can. */
export function integerProblem(name: string, number: number, least: number, most: number): string | null {
  if (Number.isSafeInteger(number) && number >= least && number <= most) return null;
  return `${name} is ${number}; use a whole number from ${least} to ${most}`;
}
