/**
 * The commands of the REPL: one tree, built once, that parses line after line.
 *
 * @module
 */
import { Command } from "jsr:@cliffy/command@^1.2.0";
import {
  consistencyOption,
  printDone,
  printValue,
  readConsistency,
  runAppend,
  runGet,
  runPut,
} from "./commands/calls.ts";
import { printLeader, printStatus } from "./commands/status.ts";
import type { ShellContext } from "./context.ts";
import { hideDashedValues, hideWord, revealWord } from "./dashes.ts";
import { CommandFailed, UsageError } from "./failure.ts";
import type { Flags } from "./flags.ts";
import { defineKeyCommand, keyCommands } from "./key_commands.ts";
import { palette, renderTable } from "./render.ts";

/** What one command of the REPL is called and does. */
export interface LineCommandHelp {
  /** What is typed. */
  readonly name: string;
  /** Its arguments, as `<key> <value>`; "" if there are none. */
  readonly usage: string;
  /** A sentence. */
  readonly description: string;
}

/** Every command, in the order in which help shows them. */
export const lineCommandHelp: readonly LineCommandHelp[] = [
  {
    name: "get",
    usage: "<key> [--consistency <level>]",
    description: "Print the value of a key, empty if it is missing; level: linearizable, lease or stale",
  },
  { name: "put", usage: "<key> <value>", description: "Replace the value of a key" },
  { name: "append", usage: "<key> <value>", description: "Add to the end of the value of a key" },
  ...keyCommands.map(({ name, usage, description }) => ({ name, usage, description })),
  { name: "status", usage: "[--json]", description: "Show role, term, leader and log of each node" },
  { name: "leader", usage: "", description: "Show which node leads" },
  { name: "time", usage: "<on|off>", description: "Show how long each call takes, or stop showing it" },
  { name: "clear", usage: "", description: "Clear the screen" },
  { name: "help", usage: "[command]", description: "Show this list, or one command" },
  { name: "exit", usage: "", description: "Leave (so does Ctrl-D)" },
];

function describe(name: string): Command {
  return new Command().description(lineCommandHelp.find((help) => help.name === name)?.description ?? "");
}

function buildTree(context: ShellContext): Command {
  const root = new Command().name("balsa").description("Commands of the shell").throwErrors().noExit();
  root.command(
    "get",
    describe("get").option(...consistencyOption).arguments("<key:string>").action(async (options, key) => {
      printValue(context, await runGet(context, revealWord(key), readConsistency(options.consistency)));
    }),
  );
  root.command(
    "put",
    describe("put").arguments("<key:string> <value:string>").action(async (_options, key, value) => {
      await runPut(context, revealWord(key), revealWord(value));
      printDone(context);
    }),
  );
  root.command(
    "append",
    describe("append").arguments("<key:string> <value:string>").action(async (_options, key, value) => {
      await runAppend(context, revealWord(key), revealWord(value));
      printDone(context);
    }),
  );
  for (const definition of keyCommands) {
    const run = (flags: Flags, words: readonly string[]): Promise<void> => definition.run(context, flags, words);
    root.command(definition.name, defineKeyCommand(definition, [], run));
  }
  root.command(
    "status",
    describe("status").option("--json", "Print JSON").action(async (options) => {
      await printStatus(context, options.json === true);
    }),
  );
  root.command("leader", describe("leader").action(() => printLeader(context)));
  root.command(
    "time",
    describe("time").arguments("<setting:string>").action((_options, setting) => {
      context.showTime = readSwitch(revealWord(setting));
    }),
  );
  root.command("clear", describe("clear").action(() => clearScreen(context)));
  root.command(
    "help",
    describe("help").arguments("[command:string]").action((_options, name) => {
      printHelp(context, name === undefined ? null : revealWord(name));
    }),
  );
  root.command(
    "exit",
    describe("exit").alias("quit").action(() => {
      context.isLeaving = true;
    }),
  );
  return root;
}

function readSwitch(setting: string): boolean {
  if (setting === "on" || setting === "off") return setting === "on";
  throw new UsageError(`Cannot set time to "${setting}"; type: time on, or: time off`);
}

function clearScreen(context: ShellContext): void {
  if (!context.output.isTerminal) return;
  context.output.control("\x1b[H\x1b[2J\x1b[3J");
}

function printHelp(context: ShellContext, name: string | null): void {
  const colors = palette(context.output.colors);
  const chosen = lineCommandHelp.filter((help) => name === null || help.name === name);
  if (chosen.length === 0) throw new CommandFailed(`There is no command "${name}"; type help for the list`);
  const rows = chosen.map((help) => [colors.strong(`${help.name} ${help.usage}`.trim()), help.description]);
  context.output.result(renderTable(["command", "what it does"], rows, colors));
  if (name === null) context.output.result('\nQuote words with spaces: put greeting "hello world"');
}

/** Whether the argument at `position` is a key or a value, whatever it looks like. Options of a get come after its key. */
function isData(name: string, position: number): boolean {
  return name === "put" || name === "append" || name === "get" && position === 0;
}

/** Runs the words of one line. */
export class LineCommands {
  readonly #tree: Command;

  /** Builds the commands around `context`. */
  constructor(context: ShellContext) {
    this.#tree = buildTree(context);
  }

  /** Runs one command; rejects with an error whose message is for the person who typed it. */
  async run(words: readonly string[]): Promise<void> {
    const name = words[0];
    if (name === undefined) return;
    if (words.length === 2 && (words[1] === "--help" || words[1] === "-h")) return await this.run(["help", name]);
    if (keyCommands.some((command) => command.name === name)) {
      await this.#tree.parse(hideDashedValues(words));
      return;
    }
    await this.#tree.parse([name, ...words.slice(1).map((word, at) => isData(name, at) ? hideWord(word) : word)]);
  }
}
