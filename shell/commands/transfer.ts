/**
 * export and import: keys and values as JSON Lines, `{"key":…,"value":…}`, or `{"key":…,"bytes":"<hexadecimal>"}` for a
 * value of bytes. What scan --json prints can be imported as well.
 *
 * @module
 */
import type { Page, RangeEntry } from "../../kv/mod.ts";
import type { ShellContext } from "../context.ts";
import { CommandFailed, UsageError } from "../failure.ts";
import type { Flags } from "../flags.ts";
import { readLines } from "../lines.ts";
import { call } from "./calls.ts";

/** Puts of an import that are under way at a time. */
const importConcurrency = 256;

/** `export`: every key, page by page. Each page is of one moment, the whole need not be. */
export async function runExport(context: ShellContext, flags: Flags): Promise<void> {
  const prefix = flags.text("prefix") ?? "";
  let exported = 0;
  for (let cursor: string | null = null;;) {
    const from: string | null = cursor;
    const page: Page<RangeEntry> = await call(
      context,
      "export",
      prefix,
      (options) => context.clerk.range({ prefix, cursor: from, ...options }),
    );
    for (const { key, value } of page.entries) {
      context.output.result(JSON.stringify(typeof value === "string" ? { key, value } : { key, bytes: value.toHex() }));
    }
    exported += page.entries.length;
    cursor = page.cursor;
    if (cursor === null) break;
  }
  if (context.output.isTerminal) context.output.note(`${exported} keys exported`);
}

/** `import [FILE]`: puts every line's value, from a file or standard input. Stops at the first line that cannot be read. */
export async function runImport(context: ShellContext, _flags: Flags, words: readonly string[]): Promise<void> {
  const [path] = words;
  if (path === undefined && !context.stdinIsFree) throw new UsageError("Cannot tell what to import: give a file");
  const lines = readLines(path === undefined ? Deno.stdin.readable : await open(path));
  const underWay = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  let [lineNumber, imported] = [0, 0];
  try {
    for await (const line of lines) {
      lineNumber++;
      if (line.trim() === "") continue;
      const { key, value } = readEntry(line, lineNumber);
      // Two values of one key must not overtake each other.
      await underWay.get(key);
      if (underWay.size >= importConcurrency) await Promise.race(underWay.values());
      if (failures.length > 0) break;
      const put = call(context, "import", key, (options) => context.clerk.put(key, value, options))
        .then(() => void imported++, (error) => void failures.push(error))
        .finally(() => underWay.delete(key));
      underWay.set(key, put);
      if (lineNumber % 1000 === 0) showProgress(context, imported);
    }
  } finally {
    await Promise.all(underWay.values());
    if (context.output.isTerminal) context.output.control("\r\x1b[K");
    context.output.note(`${imported} ${imported === 1 ? "key" : "keys"} imported`);
  }
  if (failures.length > 0) throw failures[0];
}

function showProgress(context: ShellContext, imported: number): void {
  if (context.output.isTerminal) context.output.control(`\r\x1b[K${imported} keys imported …`);
}

async function open(path: string): Promise<ReadableStream<Uint8Array>> {
  try {
    return (await Deno.open(path)).readable;
  } catch (error) {
    throw new CommandFailed(`Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readEntry(line: string, lineNumber: number): { readonly key: string; readonly value: string | Uint8Array } {
  const members = membersOf(line);
  const [key, value, bytes] = [members.get("key"), members.get("value"), members.get("bytes")];
  if (typeof key === "string" && typeof value === "string" && bytes === undefined) return { key, value };
  if (typeof key === "string" && typeof bytes === "string" && value === undefined && /^(?:[\da-f]{2})*$/.test(bytes)) {
    return { key, value: Uint8Array.fromHex(bytes) };
  }
  throw new CommandFailed(
    `Cannot import line ${lineNumber}: it must be {"key":"…","value":"…"} or {"key":"…","bytes":"<hexadecimal>"}`,
  );
}

function membersOf(line: string): ReadonlyMap<string, unknown> {
  try {
    const found: unknown = JSON.parse(line);
    return new Map(typeof found === "object" && found !== null ? Object.entries(found) : []);
  } catch {
    return new Map();
  }
}
