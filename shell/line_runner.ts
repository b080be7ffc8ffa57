/**
 * Runs one line of input: reads its words, runs the command, reports what went wrong. An error never ends the shell.
 *
 * @module
 */
import { Interrupted } from "./commands/calls.ts";
import type { ShellContext } from "./context.ts";
import { explain } from "./explain.ts";
import { exitOk, exitUsage } from "./failure.ts";
import { lineCommandHelp, LineCommands } from "./line_commands.ts";
import { palette } from "./render.ts";
import { tokenize } from "./tokenize.ts";

/** Runs lines, one at a time. */
export class LineRunner {
  readonly #context: ShellContext;
  readonly #commands: LineCommands;

  /** Runs lines in `context`. */
  constructor(context: ShellContext) {
    this.#context = context;
    this.#commands = new LineCommands(context);
  }

  /**
   * Runs `line` and returns the exit code that it would have as a process of its own. `place` names the line in
   * complaints, where it is not the one just typed.
   */
  async run(line: string, place = ""): Promise<number> {
    const tokens = tokenize(line);
    if (tokens.kind === "unfinished") {
      this.#complain(place + tokens.message);
      return exitUsage;
    }
    try {
      await this.#commands.run(tokens.words);
      return exitOk;
    } catch (error) {
      const failure = this.#context.signal.aborted && !(error instanceof Interrupted)
        ? { message: "Interrupted", exitCode: 1 }
        : explain(error);
      const hint = failure.exitCode === exitUsage ? usageHint(tokens.words) : "";
      this.#complain(
        place + failure.message + (hint === "" ? "" : /[?!]$/.test(failure.message) ? ` (${hint})` : `; ${hint}`),
      );
      return failure.exitCode;
    }
  }

  #complain(message: string): void {
    const colors = palette(this.#context.output.colors);
    this.#context.output.note(this.#context.output.isTerminal ? colors.bad(message) : message);
  }
}

/** How to write it instead. */
function usageHint(words: readonly string[]): string {
  const help = lineCommandHelp.find((candidate) => candidate.name === words[0]);
  if (help === undefined) return "type help for the list of commands";
  const quoting = help.usage.includes("<value>") && words.length > 3
    ? `, with quotes around what contains spaces: ${help.name} greeting "hello world"`
    : "";
  return `usage: ${help.name} ${help.usage}`.trimEnd() + quoting;
}
