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
import { renderBar } from "../bar.ts";
import { readLines } from "../lines.ts";
import { call } from "./calls.ts";

/** Puts of an import that are under way at a time. */
const importConcurrency = 256;

/** `export`: every key, page by page. Each page is of one moment, the whole need not be. */
export async function runExport(context: ShellContext, flags: Flags): Promise<void> {
  const prefix = flags.text("prefix") ?? "";
  const { output, clerk } = context;
  // Where the keys themselves appear on the terminal there is no place for a bar.
  const isShown = output.isAttended && !output.isTerminal;
  const total = isShown ? await call(context, "export", prefix, (options) => clerk.count({ prefix, ...options })) : 0;
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
    if (isShown) showProgress(context, total === 0 ? 1 : exported / total, `${exported} of ${total} keys exported`);
    cursor = page.cursor;
    if (cursor === null || output.isClosed) break;
  }
  if (isShown) output.control(clearLine);
  if (output.isAttended) output.note(`${exported} keys exported`);
}

/** `import [FILE]`: puts every line's value, from a file or standard input. Stops at the first line that cannot be read. */
export async function runImport(context: ShellContext, _flags: Flags, words: readonly string[]): Promise<void> {
  const [path] = words;
  if (path === undefined && !context.stdinIsFree) throw new UsageError("Cannot tell what to import: give a file");
  const source = path === undefined ? { stream: Deno.stdin.readable, bytes: null } : await open(path);
  const progress = new ImportProgress(context, source.bytes);
  const lines = readLines(source.stream.pipeThrough(progress.counter));
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
      if (lineNumber % 1000 === 0) progress.show(imported);
    }
  } finally {
    await Promise.all(underWay.values());
    progress.clear();
    context.output.note(`${imported} ${imported === 1 ? "key" : "keys"} imported`);
  }
  if (failures.length > 0) throw failures[0];
}

/** Return, and clear to the end of the line. */
const clearLine = "\r\x1b[K";

function showProgress({ output }: ShellContext, share: number, text: string): void {
  // What does not fit the line would not be cleared with it.
  output.control(clearLine + renderBar(share, text).slice(0, output.columns - 1));
}

/** Shows to a person how far an import is: by the bytes read, if it is known how many there are. */
class ImportProgress {
  /** Counts what passes through it. */
  readonly counter: TransformStream<Uint8Array, Uint8Array>;
  readonly #context: ShellContext;
  readonly #totalBytes: number | null;
  #readBytes = 0;

  constructor(context: ShellContext, totalBytes: number | null) {
    this.#context = context;
    this.#totalBytes = totalBytes;
    this.counter = new TransformStream({
      transform: (chunk, controller) => {
        this.#readBytes += chunk.length;
        controller.enqueue(chunk);
      },
    });
  }

  show(imported: number): void {
    const { output } = this.#context;
    if (!output.isAttended) return;
    const text = `${imported} keys imported`;
    if (this.#totalBytes === null) output.control(`${clearLine}${text} …`);
    else showProgress(this.#context, this.#readBytes / Math.max(1, this.#totalBytes), text);
  }

  clear(): void {
    if (this.#context.output.isAttended) this.#context.output.control(clearLine);
  }
}

async function open(path: string): Promise<{ stream: ReadableStream<Uint8Array>; bytes: number | null }> {
  try {
    const file = await Deno.open(path);
    const { isFile, size } = await file.stat();
    return { stream: file.readable, bytes: isFile ? size : null };
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
