/**
 * A transaction as it is typed: JSON, with text values.
 *
 * @module
 */
import type { KeyWrite, Transaction, TransactionComparison } from "../../kv/mod.ts";
import { UsageError } from "../failure.ts";

/** How one is written; for help and complaints. */
export const transactionExample =
  '{"compare":[{"key":"a","value":"1"}],"then":[{"kind":"put","key":"a","value":"2"}],"else":[]}';

/** The transaction that a text says; throws a UsageError on anything else. */
export function readTransaction(text: string): Transaction {
  const members = membersOf(parse(text), "it");
  for (const name of members.keys()) {
    if (name !== "compare" && name !== "then" && name !== "else") throw refusal(`"${name}" is not known`);
  }
  const list = (name: string): readonly unknown[] => {
    const found = members.get(name) ?? [];
    if (!Array.isArray(found)) throw refusal(`"${name}" is not a list`);
    return found;
  };
  return {
    compare: list("compare").map(readComparison),
    then: list("then").map(readWrite),
    else: list("else").map(readWrite),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : String(error));
  }
}

function readComparison(given: unknown): TransactionComparison {
  const members = membersOf(given, "a comparison");
  const key = textOf(members, "key", "a comparison");
  if (members.get("absent") === true) return { key, absent: true };
  if (members.has("version")) return { key, version: numberOf(members, "version") };
  if (members.has("value")) return { key, value: textOf(members, "value", "a comparison") };
  throw refusal(`the comparison of ${JSON.stringify(key)} has neither "value" nor "version" nor "absent":true`);
}

function readWrite(given: unknown): KeyWrite {
  const members = membersOf(given, "an operation");
  const kind = members.get("kind");
  const key = textOf(members, "key", "an operation");
  switch (kind) {
    case "put": {
      const value = textOf(members, "value", kind);
      return members.has("lease")
        ? { kind: "putWithLease", key, value, lease: numberOf(members, "lease") }
        : { kind, key, value };
    }
    case "append":
      return { kind, key, value: textOf(members, "value", kind) };
    case "delete":
      return { kind, key };
    case "increment":
      return { kind, key, by: members.has("by") ? numberOf(members, "by") : 1 };
    default:
      throw refusal(`the "kind" of an operation must be put, append, delete or increment`);
  }
}

function membersOf(given: unknown, what: string): ReadonlyMap<string, unknown> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw refusal(`${what} is not an object`);
  return new Map(Object.entries(given));
}

function textOf(members: ReadonlyMap<string, unknown>, name: string, what: string): string {
  const found = members.get(name);
  if (typeof found === "string") return found;
  throw refusal(`${what} has no text "${name}"`);
}

function numberOf(members: ReadonlyMap<string, unknown>, name: string): number {
  const found = members.get(name);
  if (typeof found === "number") return found;
  throw refusal(`"${name}" is not a number`);
}

function refusal(reason: string): UsageError {
  return new UsageError(`Cannot read the transaction: ${reason}; write it as '${transactionExample}'`);
}
