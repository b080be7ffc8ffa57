/**
 * Finds and checks what a job is to be run on, before anything is started.
 *
 * @module
 */
import { globSync } from "node:fs";
import { dirname, resolve, toFileUrl } from "./paths.ts";
import { JobError, maxInputBytes } from "../../mapreduce/mod.ts";

/** The files that some patterns (`*`, `?`, `[…]`, `**`) match, each once, in the order of their names. */
export function findInputs(patterns: readonly string[]): string[] {
  const found = new Set<string>();
  for (const pattern of patterns) {
    // A file whose name looks like a pattern is meant itself.
    const matches = isFile(pattern) ? [pattern] : globSync(pattern);
    const paths = matches.filter(isFile).sort();
    if (paths.length === 0) throw noFile(pattern, matches);
    for (const path of paths) found.add(path);
  }
  for (const path of found) checkReadable(path);
  return [...found];
}

function noFile(pattern: string, [directory]: readonly string[]): JobError {
  return new JobError(
    directory === undefined
      ? `Cannot find input: no file matches "${pattern}" in ${Deno.cwd()}; patterns such as 'books/*.txt' must be quoted`
      : `Cannot find input: "${pattern}" matches no file, only ${directory}; for the files in a directory say ` +
        `'${directory.replace(/\/+$/, "")}/*'`,
  );
}

/** Bytes of the largest of these files. */
export function largestOf(paths: readonly string[]): number {
  return paths.reduce((largest, path) => Math.max(largest, Deno.statSync(path).size), 0);
}

/** The URL of a job's module, given as a path or as a URL. */
export function moduleUrl(module: string): string {
  if (/^https?:\/\//.test(module)) return module;
  const url = /^file:/.test(module) ? module : toFileUrl(resolve(module)).href;
  if (!isFile(new URL(url))) {
    throw new JobError(`Cannot find the job ${module}: there is no such file; give --job a module with map and reduce`);
  }
  return url;
}

/** Makes sure that output can be published as this directory: it must not exist yet, or be empty. Returns its full path. */
export function checkOutput(output: string): string {
  const path = resolve(output);
  let names: readonly Deno.DirEntry[] | null;
  try {
    names = entriesOf(path);
    if (names === null) Deno.mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new JobError(
      `Cannot write output to ${output}: ${reason}; give --output a directory that does not exist yet`,
    );
  }
  if (names === null || names.length === 0) return path;
  throw new JobError(
    `Cannot write output to ${output}: the directory is not empty; remove it, or give --output another one`,
  );
}

/** What is in a directory; null when it is not there. */
function entriesOf(path: string): readonly Deno.DirEntry[] | null {
  try {
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whether there is output in this directory. */
export function isFilled(output: string): boolean {
  try {
    return (entriesOf(output) ?? []).length > 0;
  } catch {
    return false; // Not to be read, or no directory: nothing has been published.
  }
}

/** `NAME=VALUE` of each parameter. */
export function readParameters(texts: readonly string[]): (readonly [string, string])[] {
  return texts.map((text) => {
    const equals = text.indexOf("=");
    if (equals >= 1) return [text.slice(0, equals), text.slice(equals + 1)] as const;
    throw new JobError(`Cannot read --parameter "${text}": write NAME=VALUE`);
  });
}

function isFile(path: string | URL): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Not there, or not to be seen: in either case nothing that can be read.
  }
}

function checkReadable(path: string): void {
  let size: number;
  try {
    using file = Deno.openSync(path, { read: true });
    size = file.statSync().size;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new JobError(`Cannot read the input file ${path}: ${reason}`);
  }
  if (size <= maxInputBytes) return;
  throw new JobError(
    `Cannot read the input file ${path}: map gets it as one text, of ${maxInputBytes} bytes at most, and it has ${size}; ` +
      "split it into several files",
  );
}
