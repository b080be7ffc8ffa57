/** The checks of `tidy_test.ts`: each takes files and tells what is wrong with them, one line each. */
import { codeOf, functionsOf, importsOf, resolveImport, type Source } from "./source.ts";

/** Who may import whom: for a file or folder, the files and folders; those after `!` excepted. */
export type ImportRules = Record<string, string[]>;

/** The most specific row of a table whose key is the file or a folder it is in. */
function rowFor<Row>(table: Record<string, Row>, path: string): { key: string; row: Row } | undefined {
  const matching = Object.entries(table).filter(([key]) => path === key || (key.endsWith("/") && path.startsWith(key)));
  const [key, row] = matching.sort(([a], [b]) => b.length - a.length)[0] ?? [];
  return key === undefined || row === undefined ? undefined : { key, row };
}

function covers(entry: string, path: string): boolean {
  return entry === path || (entry.endsWith("/") && path.startsWith(entry)) || entry === "anything";
}

/** Imports of files that the rules do not allow. */
export function forbiddenImports(sources: Source[], rules: ImportRules): string[] {
  return sources.flatMap(({ path, text }) => {
    const rule = rowFor(rules, path);
    if (!rule) {
      return [`${path}: Cannot tell what it may import: no rule names it. Add one to the table in tidy_test.ts.`];
    }
    const allowed = rule.key.endsWith("/") ? [rule.key, ...rule.row] : rule.row;
    return importsOf(text).imported.flatMap((specifier) => {
      const target = resolveImport(path, specifier);
      if (target === undefined) return [];
      const isAllowed = allowed.some((entry) => covers(entry, target));
      const isExcepted = allowed.some((entry) => entry.startsWith("!") && covers(entry.slice(1), target));
      if (isAllowed && !isExcepted) return [];
      return [`${path}: Cannot import ${target}: ${rule.key} may import only ${allowed.join(", ") || "nothing"}.`];
    });
  });
}

/** Imports from outside of the repository that the rules do not allow. */
export function forbiddenPackages(sources: Source[], rules: ImportRules): string[] {
  return sources.flatMap(({ path, text }) => {
    const rule = rowFor(rules, path);
    const allowed = rule?.row ?? [];
    return importsOf(text).imported
      .filter((specifier) => resolveImport(path, specifier) === undefined)
      .filter((specifier) => !allowed.some((entry) => entry === "anything" || specifier.startsWith(entry)))
      .map((specifier) => {
        const may = allowed.map((entry) => `${entry}…`).join(", ") || "no package";
        return `${path}: Cannot import "${specifier}": ${rule?.key ?? "production code"} may import ${may}.`;
      });
  });
}

/** Imports whose target is not written down, so that no rule can be checked. */
export function computedImports(sources: Source[]): string[] {
  return sources
    .filter(({ text }) => /\bimport\s*\(\s*[^"'\s]/.test(codeOf(text)))
    .map(({ path }) => `${path}: Cannot import by a computed name: write the name where it is imported.`);
}

/** For each file, the files it imports; with `named`, also those it names by URL. */
function graphOf(sources: Source[], { named = false } = {}): Map<string, string[]> {
  return new Map(sources.map(({ path, text }) => {
    const imports = importsOf(text);
    const specifiers = named ? [...imports.imported, ...imports.named] : imports.imported;
    return [path, specifiers.flatMap((specifier) => resolveImport(path, specifier) ?? [])];
  }));
}

/** Circles in which files import each other. */
export function importCycles(sources: Source[]): string[] {
  const graph = graphOf(sources);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]) => {
    const begin = trail.indexOf(path);
    if (begin >= 0) cycles.push(`Cannot import in a circle: ${[...trail.slice(begin), path].join(" -> ")}.`);
    if (begin >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

/** Imports of files that are not there. */
export function brokenImports(sources: Source[]): string[] {
  const paths = new Set(sources.map(({ path }) => path));
  return [...graphOf(sources)].flatMap(([path, targets]) =>
    targets.filter((target) => target.endsWith(".ts") && !paths.has(target))
      .map((target) => `${path}: Cannot import ${target}: there is no such file.`)
  );
}

/** Files in the folders that no entry leads to. */
export function unreachable(sources: Source[], folders: string[], entries: string[]): string[] {
  const graph = graphOf(sources, { named: true });
  const reached = new Set<string>();
  const visit = (path: string) => {
    if (reached.has(path)) return;
    reached.add(path);
    graph.get(path)?.forEach(visit);
  };
  entries.forEach(visit);
  return [...graph.keys()]
    .filter((path) => folders.some((folder) => path.startsWith(folder)) && !reached.has(path))
    .map((path) => `${path}: Cannot be reached from an entry point in deno.json or from a test: use it or delete it.`);
}

/** Where a pattern occurs: `path:line: message: text`. */
function occurrences({ path }: Source, text: string, pattern: RegExp, message: string): string[] {
  return [...text.matchAll(new RegExp(pattern, "g"))].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    return `${path}:${line}: ${message}: found "${match[0].trim()}".`;
  });
}

/** Names in code that the rules ban from their folder. */
export function bannedNames(sources: Source[], rules: Record<string, RegExp>): string[] {
  return Object.entries(rules).flatMap(([folder, pattern]) =>
    sources.filter(({ path }) => path.startsWith(folder)).flatMap((source) =>
      occurrences(source, codeOf(source.text), pattern, `Cannot use this in ${folder}`)
    )
  );
}

/** Uses of the type `any`. */
export function anyTypes(sources: Source[]): string[] {
  return sources.flatMap((source) =>
    occurrences(source, codeOf(source.text), /(?<![.\w$])any\b(?!\s*[(:?])/, "Cannot use the type any, say what it is")
  );
}

/** Tests that are left out, or that leave all others out. */
export function skippedTests(sources: Source[]): string[] {
  const pattern = /\b(?:Deno\.test|describe|it|test)\s*\.\s*(?:only|skip|ignore)\b|\b(?:ignore|only)\s*:\s*true\b/;
  return sources.flatMap((source) => occurrences(source, codeOf(source.text), pattern, "Cannot leave tests out"));
}

/** Paths that exist on one machine only. */
export function machinePaths(sources: Source[]): string[] {
  const pattern = /(?<=^|[\s"'`(=:,[<])\/(?:home|work|tmp|root|Users)\b/;
  return sources.flatMap((source) => occurrences(source, source.text, pattern, "Cannot name a path of one machine"));
}

/** Files with more lines of code than allowed; comments and empty lines do not count. */
export function longFiles(sources: Source[], mostLines: number): string[] {
  return sources.flatMap(({ path, text }) => {
    const lines = codeOf(text).split("\n").filter((line) => line.trim() !== "").length;
    return lines <= mostLines
      ? []
      : [`${path}: Cannot have ${lines} lines of code: split it, ${mostLines} is the most.`];
  });
}

/** Functions with more lines than allowed. */
export function longFunctions(sources: Source[], mostLines: number): string[] {
  return sources.flatMap(({ path, text }) =>
    functionsOf(text).filter(({ lines }) => lines > mostLines).map(({ name, line, lines }) =>
      `${path}:${line}: Cannot have a function of ${lines} lines: split ${name}, ${mostLines} is the most.`
    )
  );
}
