/**
 * Commands on keys beyond get, put and append: compare-and-set, delete, count up, scan, transactions.
 *
 * @module
 */
import type { Page, RangeEntry, RangeOptions, Transaction } from "../../kv/mod.ts";
import type { ShellContext } from "../context.ts";
import { CommandFailed, UsageError } from "../failure.ts";
import type { Flags } from "../flags.ts";
import { palette, renderForTerminal, renderTable } from "../render.ts";
import { call, printDone } from "./calls.ts";
import { readTransaction } from "./transaction_text.ts";

/** Entries that scan shows on a terminal unless told otherwise; into a pipe it writes all. */
const terminalLimit = 100;

/** `cas KEY EXPECTED VALUE`, `cas --absent KEY VALUE` or `cas --version N KEY VALUE`; fails when it does not hold. */
export async function runCompareAndSet(context: ShellContext, flags: Flags, words: readonly string[]): Promise<void> {
  const version = flags.integer("version", 0);
  const isAbsent = flags.isSet("absent");
  const [key = "", ...rest] = words;
  if (isAbsent && version !== null) throw new UsageError("Cannot use --absent and --version together: choose one");
  const count = isAbsent || version !== null ? 1 : 2;
  if (rest.length !== count) {
    throw new UsageError(
      count === 2
        ? "Missing argument: cas takes key, expected value and new value"
        : "cas takes key and new value here",
    );
  }
  const value = rest.at(-1) ?? "";
  const expected = count === 2 ? rest[0] ?? "" : null;
  const isDone = await call(context, "cas", key, async (options) => {
    if (version === null) return await context.clerk.compareAndSet(key, expected, value, options);
    const result = await context.clerk.putIfVersion(key, value, version, options);
    if (result.kind === "maybe") throw new CommandFailed("The cas may or may not have taken effect; read the key");
    return result.kind === "ok";
  });
  if (flags.isSet("json")) context.output.result(JSON.stringify({ key, ok: isDone }));
  if (!isDone) throw new CommandFailed(`Not replaced: ${JSON.stringify(key)} is not as expected; see: get or scan`);
  if (!flags.isSet("json")) printDone(context);
}

/** `del KEY` or `del --prefix PREFIX`. */
export async function runDelete(context: ShellContext, flags: Flags, words: readonly string[]): Promise<void> {
  const prefix = flags.text("prefix");
  const [key] = words;
  if ((prefix === null) === (key === undefined)) {
    throw new UsageError("Cannot tell what to delete: give a key, or --prefix and what the keys begin with");
  }
  const deleted = await call(context, "del", key ?? prefix ?? "", async (options) => {
    if (key === undefined) return await context.clerk.deletePrefix(prefix ?? "", options);
    return await context.clerk.delete(key, options) ? 1 : 0;
  });
  if (flags.isSet("json")) context.output.result(JSON.stringify({ deleted }));
  else if (context.output.isTerminal) context.output.result(`${deleted} ${deleted === 1 ? "key" : "keys"} deleted`);
}

/** `incr KEY [BY]`: prints the sum. */
export async function runIncrement(context: ShellContext, flags: Flags, words: readonly string[]): Promise<void> {
  const [key = "", by = "1"] = words;
  if (!/^-?\d{1,15}$/.test(by)) throw new UsageError(`Cannot count up by "${by}": give a whole number`);
  const sum = await call(context, "incr", key, (options) => context.clerk.increment(key, Number(by), options));
  context.output.result(flags.isSet("json") ? JSON.stringify({ key, value: sum }) : String(sum));
}

/** `scan`: entries in order; a table for people, `key TAB value` or JSON Lines for programs. */
export async function runScan(context: ShellContext, flags: Flags): Promise<void> {
  const range: RangeOptions = { ...rangeOf(flags), reverse: flags.isSet("reverse") };
  if (flags.isSet("count")) {
    const count = await call(
      context,
      "scan",
      range.prefix ?? "",
      (options) => context.clerk.count({ ...range, ...options }),
    );
    return context.output.result(flags.isSet("json") ? JSON.stringify({ count }) : String(count));
  }
  const asJson = flags.isSet("json");
  const isTable = context.output.isTerminal && !asJson;
  const limit = flags.integer("limit", 1) ?? (isTable ? terminalLimit : Infinity);
  const shown: RangeEntry[] = [];
  let left = limit;
  for (let cursor: string | null = null; left > 0;) {
    const from: string | null = cursor;
    const page: Page<RangeEntry> = await call(
      context,
      "scan",
      range.prefix ?? "",
      (options) => context.clerk.range({ ...range, ...options, cursor: from, limit: Math.min(left, 1000) }),
    );
    if (isTable) shown.push(...page.entries);
    else for (const entry of page.entries) context.output.result(lineOf(entry, asJson, flags.isSet("keys")));
    left -= page.entries.length;
    cursor = page.cursor;
    if (cursor === null) break;
    if (left <= 0) {
      context.output.note(`There are more; go on with: --${range.reverse ? "to" : "from"} and the last key`);
    }
  }
  if (isTable) printTable(context, shown, flags.isSet("keys"));
}

/** `txn JSON`: prints which branch was taken. */
export async function runTransaction(context: ShellContext, flags: Flags, words: readonly string[]): Promise<void> {
  const transaction: Transaction = readTransaction(words[0] ?? "");
  const succeeded = await call(context, "txn", "", (options) => context.clerk.transaction(transaction, options));
  if (flags.isSet("json")) context.output.result(JSON.stringify({ succeeded }));
  else context.output.result(succeeded ? "then" : "else");
}

function rangeOf(flags: Flags): RangeOptions {
  const [prefix, from, to] = [flags.text("prefix"), flags.text("from"), flags.text("to")];
  return {
    ...(prefix === null ? {} : { prefix }),
    ...(from === null ? {} : { from }),
    ...(to === null ? {} : { to }),
  };
}

function lineOf({ key, value, version }: RangeEntry, asJson: boolean, keysOnly: boolean): string {
  if (!asJson) return keysOnly ? key : `${key}\t${textOf(value)}`;
  if (keysOnly) return JSON.stringify({ key, version });
  return JSON.stringify(typeof value === "string" ? { key, value, version } : { key, bytes: value.toHex(), version });
}

function printTable(context: ShellContext, entries: readonly RangeEntry[], keysOnly: boolean): void {
  const colors = palette(context.output.colors);
  const rows = entries.map(({ key, version, value }) => [
    renderForTerminal(key).replaceAll("\n", "\\n"),
    String(version),
    ...(keysOnly ? [] : [renderForTerminal(textOf(value)).replaceAll("\n", "\\n")]),
  ]);
  if (rows.length > 0) {
    context.output.result(renderTable(["key", ">version", ...(keysOnly ? [] : ["value"])], rows, colors));
  } else context.output.note("No keys");
}

function textOf(value: string | Uint8Array): string {
  return typeof value === "string" ? value : `0x${value.toHex()}`;
}
