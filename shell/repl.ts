/**
 * The shell on a terminal: a prompt with line editing, history and completion.
 *
 * Ctrl-C gives up the line being typed or the call in flight, Ctrl-D leaves; no error and no Ctrl-C ends the shell.
 *
 * @module
 */
import process from "node:process";
import * as readline from "node:readline";
import type { Announcer } from "./announcer.ts";
import type { ShellContext } from "./context.ts";
import { exitOk } from "./failure.ts";
import { type History, maxHistoryLines } from "./history.ts";
import { lineCommandHelp } from "./line_commands.ts";
import { LineRunner } from "./line_runner.ts";
import { palette } from "./render.ts";

/** What comes to the prompt from outside. */
export interface ReplEvents {
  /** Ends the prompt as if the user had left. */
  readonly leave: AbortSignal;
  /** News to be shown without disturbing the line being typed. */
  readonly announcer: Announcer;
}

/** Runs the prompt until the user leaves. */
export function runRepl(context: ShellContext, history: History, events: ReplEvents | null): Promise<number> {
  return new Promise((resolve) => new Repl(context, history, () => resolve(exitOk)).start(events));
}

/** Completions of what has been typed, and the part of the line they would replace; as node:readline wants them. */
export function complete(line: string, recentKeys: Iterable<string>): [string[], string] {
  const words = line.trimStart().split(/\s+/);
  const last = words.at(-1) ?? "";
  const fitting = (candidates: Iterable<string>): string[] =>
    [...candidates].filter((candidate) => candidate.startsWith(last)).sort().map((candidate) => `${candidate} `);
  const names = lineCommandHelp.map((help) => help.name);
  if (words.length <= 1) return [fitting(names), last];
  if (words.length > 2) return [[], last];
  switch (words[0]) {
    case "get":
    case "put":
    case "append":
      // Keys that need quotes are not offered: what has been typed so far would not match them.
      return [fitting([...recentKeys].filter((key) => /^[^\s"'\\]+$/.test(key))), last];
    case "time":
      return [fitting(["on", "off"]), last];
    case "status":
      return [fitting(["--json"]), last];
    case "help":
      return [fitting(names), last];
    default:
      return [[], last];
  }
}

class Repl {
  readonly #context: ShellContext;
  readonly #history: History;
  readonly #leave: () => void;
  readonly #runner: LineRunner;
  readonly #interface: readline.Interface;
  /** Lines entered while a call was in flight. */
  readonly #pending: string[] = [];
  #inFlight: AbortController | null = null;
  #isClosed = false;

  constructor(context: ShellContext, history: History, leave: () => void) {
    this.#context = context;
    this.#history = history;
    this.#leave = leave;
    this.#runner = new LineRunner(context);
    this.#interface = readline.createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: true,
      prompt: "balsa> ",
      // readline wants the newest first.
      history: [...history.lines].reverse(),
      historySize: maxHistoryLines,
      removeHistoryDuplicates: true,
      completer: (line: string) => complete(line, context.recentKeys),
    });
  }

  start(events: ReplEvents | null): void {
    this.#interface.on("line", (line: string) => {
      this.#history.add(line);
      this.#pending.push(line);
      if (this.#inFlight === null) void this.#runPending();
    });
    this.#interface.on("SIGINT", () => this.#interrupt());
    this.#interface.on("close", () => this.#close());
    events?.leave.addEventListener("abort", () => this.#interface.close(), { once: true });
    events?.announcer.hand((text) => this.#announce(text));
    this.#interface.prompt();
  }

  async #runPending(): Promise<void> {
    for (let line = this.#pending.shift(); line !== undefined; line = this.#pending.shift()) {
      this.#inFlight = new AbortController();
      this.#context.signal = this.#inFlight.signal;
      await this.#runner.run(line);
      if (this.#context.isLeaving) this.#interface.close();
      if (this.#isClosed) break;
    }
    this.#inFlight = null;
    if (this.#isClosed) this.#leave();
    else this.#interface.prompt(true); // What was typed meanwhile stays, with the cursor where it was.
  }

  /** Puts the news above the line being typed. */
  #announce(text: string): void {
    this.#context.output.control("\r\x1b[K");
    this.#context.output.note(palette(this.#context.output.colors).bad(text));
    if (this.#inFlight === null && !this.#isClosed) this.#interface.prompt(true);
  }

  #interrupt(): void {
    if (this.#inFlight !== null) {
      this.#pending.length = 0;
      this.#inFlight.abort();
      return;
    }
    const colors = palette(this.#context.output.colors);
    const isEmpty = this.#interface.line === "";
    this.#context.output.control(isEmpty ? `\n${colors.faint("Ctrl-D or exit leaves")}\n` : "^C\n");
    // As if the user had deleted the line: to its end, then back to its start.
    this.#interface.write(null, { ctrl: true, name: "e" });
    this.#interface.write(null, { ctrl: true, name: "u" });
    this.#interface.prompt();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#context.isLeaving) this.#context.output.control("\n");
    if (this.#inFlight === null) this.#leave();
    else this.#inFlight.abort();
  }
}
