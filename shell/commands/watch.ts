/**
 * watch: what happens to keys, as it happens.
 *
 * For programs each change is a line, `put TAB key TAB value` or `delete TAB key`, or JSON; a snapshot is a line
 * `snapshot TAB index` and a line `is TAB key TAB value` for each key.
 *
 * @module
 */
import type { RangeEntry, WatchEvent, WatchOptions, WatchTarget } from "../../kv/mod.ts";
import type { ShellContext } from "../context.ts";
import { UsageError } from "../failure.ts";
import type { Flags } from "../flags.ts";
import { palette, renderForTerminal } from "../render.ts";
import { wholeClerk } from "./calls.ts";

/** `watch`, `watch KEY` or `watch --prefix PREFIX`: runs until Ctrl-C, which is its proper end, or `--limit`. */
export async function runWatch(context: ShellContext, flags: Flags, words: readonly string[]): Promise<void> {
  const limit = flags.integer("limit", 1) ?? Infinity;
  const watch = wholeClerk(context).watch(targetOf(flags, words), optionsOf(context, flags));
  const render = flags.isSet("json") ? jsonOf : context.output.isTerminal ? textForPeople(context) : textOf;
  context.callsInFlight += 1;
  try {
    let count = 0;
    for await (const event of watch) {
      context.waiting.clear();
      for (const line of render(event)) context.output.result(line);
      if (++count >= limit || context.output.isClosed) break;
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  } finally {
    context.callsInFlight -= 1;
    context.waiting.clear();
  }
}

function targetOf(flags: Flags, [key]: readonly string[]): WatchTarget {
  const prefix = flags.text("prefix");
  if (key === undefined) return { prefix: prefix ?? "" };
  if (prefix === null) return { key };
  throw new UsageError("Cannot tell what to watch: give a key, or --prefix and what the keys begin with, not both");
}

function optionsOf(context: ShellContext, flags: Flags): WatchOptions {
  const fromIndex = flags.integer("from", 1);
  const isWhole = flags.isSet("snapshot");
  return {
    signal: context.signal,
    ...(fromIndex === null ? {} : { fromIndex }),
    ...(isWhole ? { snapshot: fromIndex === null ? "first" : "ifCompacted" } : {}),
  };
}

function jsonOf(event: WatchEvent): string[] {
  switch (event.kind) {
    case "put": {
      const { kind, index, key, version, value } = event;
      return [JSON.stringify({ kind, index, key, version, ...valueMember(value) })];
    }
    case "delete":
      return [JSON.stringify({ kind: event.kind, index: event.index, key: event.key })];
    case "snapshot": {
      const entries = event.entries.map(({ key, version, value }) => ({ key, version, ...valueMember(value) }));
      return [JSON.stringify({ kind: event.kind, index: event.index, entries })];
    }
  }
}

function valueMember(value: string | Uint8Array): { readonly value: string } | { readonly bytes: string } {
  return typeof value === "string" ? { value } : { bytes: value.toHex() };
}

function textOf(event: WatchEvent): string[] {
  switch (event.kind) {
    case "put":
      return [`put\t${event.key}\t${shown(event.value)}`];
    case "delete":
      return [`delete\t${event.key}`];
    case "snapshot":
      return [`snapshot\t${event.index}`, ...event.entries.map(({ key, value }) => `is\t${key}\t${shown(value)}`)];
  }
}

function textForPeople(context: ShellContext): (event: WatchEvent) => string[] {
  const colors = palette(context.output.colors);
  const line = (text: string): string => renderForTerminal(text).replaceAll("\n", "\\n");
  const entry = ({ key, value, version }: RangeEntry): string =>
    `${colors.strong(line(key))} = ${line(shown(value))} ${colors.faint(`(version ${version})`)}`;
  return (event) => {
    switch (event.kind) {
      case "put":
        return [`${colors.faint(`${event.index}`)} ${entry(event)}`];
      case "delete":
        return [`${colors.faint(`${event.index}`)} ${colors.strong(line(event.key))} ${colors.bad("deleted")}`];
      case "snapshot": {
        const count = `${event.entries.length} ${event.entries.length === 1 ? "key" : "keys"}`;
        return [colors.faint(`${event.index} ${count}:`), ...event.entries.map((one) => `  ${entry(one)}`)];
      }
    }
  };
}

function shown(value: string | Uint8Array): string {
  return typeof value === "string" ? value : `0x${value.toHex()}`;
}
