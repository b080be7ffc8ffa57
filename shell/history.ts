/**
 * The lines typed in earlier runs of the REPL, in a file of the user's own. Whatever goes wrong with the file, the
 * shell works without it.
 *
 * @module
 */

/** Lines kept; older ones are dropped when the file is read. */
export const maxHistoryLines = 1000;

/** The file named by the XDG base directory specification, or null when the user has no home. */
export function historyFile(environment: (name: string) => string | undefined): string | null {
  const state = environment("XDG_STATE_HOME");
  if (state !== undefined && state.startsWith("/")) return `${state}/balsa/history`;
  const home = environment("HOME") ?? environment("USERPROFILE");
  return home === undefined || home === "" ? null : `${home}/.local/state/balsa/history`;
}

/** A file of lines, oldest first; several shells may append to it at a time. */
export class History {
  readonly #path: string | null;
  /** Lines of earlier runs, oldest first. */
  readonly lines: readonly string[];

  private constructor(path: string | null, lines: readonly string[]) {
    this.#path = path;
    this.lines = lines;
  }

  /** Reads the file, creating it (mode 0600) and its directory (0700) if need be. */
  static open(path: string | null): History {
    if (path === null) return new History(null, []);
    let lines: string[];
    try {
      lines = Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return new History(null, []);
      lines = [];
    }
    try {
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
      const kept = lines.slice(-maxHistoryLines);
      if (kept.length < lines.length || kept.length === 0) {
        Deno.writeTextFileSync(path, kept.map((line) => `${line}\n`).join(""), { mode: 0o600 });
      }
      return new History(path, kept);
    } catch {
      return new History(null, lines);
    }
  }

  /** Adds a line to the file. */
  add(line: string): void {
    if (this.#path === null || line.trim() === "") return;
    try {
      Deno.writeTextFileSync(this.#path, `${line}\n`, { append: true, mode: 0o600 });
    } catch {
      // A full disk or a directory that has gone: the line is only missed in later runs.
    }
  }
}
