import { unknownCommand, unusableFlag, ValidationError } from "./errors.ts";
import { helpText } from "./help_text.ts";
import type { CommandNode } from "./node.ts";
import { type Occurrence, tokenize } from "./tokenize.ts";
import { type ArgumentValue, builtInTypes, Type } from "./value_types.ts";
import { argumentValues, optionValues } from "./values.ts";

/** What a run has come to. */
export interface Result<Face> {
  /** The values of the options, by property. */
  options: Record<string, unknown>;
  /** The values of the arguments. */
  args: unknown[];
  /** What stood after `--`. */
  literal: string[];
  /** The command that was called. */
  cmd: Face;
}

/** A command line as far as it has been understood: the rest of it, and the options that stood before. */
interface CommandLine {
  words: string[];
  literal: string[];
  before: Occurrence[];
}

/** Runs the command that the command line names. */
export function runCommand<Face>(command: CommandNode<Face>, commandLine: string[]): Promise<Result<Face>> {
  command.isCalledDirectly = true;
  const end = commandLine.indexOf("--");
  const literal = end < 0 ? [] : commandLine.slice(end + 1);
  return runOrDescend(command, { words: end < 0 ? commandLine : commandLine.slice(0, end), literal, before: [] });
}

async function runOrDescend<Face>(command: CommandNode<Face>, line: CommandLine): Promise<Result<Face>> {
  try {
    const target = findTarget(command, line);
    if (!target) return await runHere(command, line);
    target.command.calledThrough = command;
    return await runOrDescend(target.command, target.line);
  } catch (thrown) {
    throw report(command, thrown instanceof Error ? thrown : new Error(`[non-error-thrown] ${thrown}`));
  }
}

/** The sub-command that the command line names, after global options perhaps. */
function findTarget<Face>(command: CommandNode<Face>, { words, literal, before }: CommandLine) {
  if (words.length === 0 && before.length === 0 && command.defaultCommand !== undefined) {
    const found = command.getCommand(command.defaultCommand, true);
    if (!found) throw new Error(`Default command "${command.defaultCommand}" not found.`);
    return { command: found, line: { words, literal, before } };
  }
  const globals = command.getOptions(true).filter((option) => option.global && !option.standalone);
  const tokens = tokenize(words, globals, true);
  const [name, ...rest] = tokens.words;
  const found = name === undefined ? undefined : command.getCommand(name, true);
  return found && { command: found, line: { words: rest, literal, before: [...before, ...tokens.occurrences] } };
}

async function runHere<Face>(command: CommandNode<Face>, line: CommandLine): Promise<Result<Face>> {
  const parseType = (argument: ArgumentValue) => parseByType(command, argument);
  const all = command.getOptions(true);
  const tokens = tokenize(line.words, all, command.stopsEarly);
  const { values: args, tooMany } = argumentValues(tokens.words, command.arguments, parseType);
  const surplusFlag = command.stopsEarly ? undefined : tooMany.find((word) => /^-./.test(word));
  if (surplusFlag !== undefined) throw unusableFlag(surplusFlag, all.flatMap((one) => one.flags));
  const occurrences = [...line.before, ...tokens.occurrences];
  const options = optionValues(occurrences, all, parseType);
  const result = { options, args, literal: line.literal, cmd: command.face };
  const standalone = occurrences.find(({ option }) => option.standalone)?.option;
  if (!standalone) checkArguments(command, args, tooMany);
  for (const { option } of occurrences) await option.action?.call(command.face, options, ...args);
  if (standalone) {
    if (standalone.name === "help") showHelpAndExit(command);
    if (standalone.name === "version") showVersionAndExit(command, line.words.includes("--version"));
    return result;
  }
  if (!command.handler && command.commands.length > 0 && occurrences.length === 0) showHelpAndExit(command);
  await command.handler?.call(command.face, options, ...args);
  return result;
}

function checkArguments<Face>(command: CommandNode<Face>, args: unknown[], tooMany: string[]): void {
  const [first] = tooMany;
  if (first !== undefined) {
    if (command.arguments.length > 0) throw new ValidationError(`Too many arguments: ${tooMany.join(" ")}`);
    if (command.commands.length > 0) throw unknownCommand(first, command.getCommands().map((one) => one.name));
    throw new ValidationError(`No arguments allowed for command "${command.getPath()}".`);
  }
  const missing = command.arguments.slice(args.length).filter((one) => !one.optional).map((one) => one.name);
  if (missing.length === 0) return;
  throw new ValidationError(
    args.length === 0 ? `Missing argument(s): ${missing.join(", ")}` : `Missing argument: ${missing[0]}`,
  );
}

function parseByType<Face>(command: CommandNode<Face>, argument: ArgumentValue): unknown {
  const handler = command.findType(argument.type) ?? builtInTypes.get(argument.type);
  if (!handler) throw new Error(`Unknown type "${argument.type}".`);
  return handler instanceof Type ? handler.parse(argument) : handler(argument);
}

/** Gives the error to whom it concerns: back to the caller, or to the user, and then the process ends. */
function report<Face>(command: CommandNode<Face>, error: Error): Error {
  const wasReported = error instanceof ValidationError && error.cmd !== undefined;
  if (!wasReported) command.nearest((one) => one.errorHandler)?.(error, command.face);
  if (!(error instanceof ValidationError)) return error;
  error.cmd ??= command.face;
  if (command.nearest((one) => one.throws)) return error;
  console.log(helpText(command));
  console.error(`%c  error: ${error.message}\n`, "color: red");
  Deno.exit(error.exitCode);
}

function showHelpAndExit<Face>(command: CommandNode<Face>): void {
  console.log(helpText(command));
  exit(command, 0);
}

/** `-V` shows the version alone, for programs to read; `--version` shows all there is to say. */
function showVersionAndExit<Face>(command: CommandNode<Face>, isLong: boolean): void {
  if (isLong) {
    console.log(`${command.root().name} ${command.getVersion()}`);
    for (const [name, value] of Object.entries(command.meta)) console.log(`${name} ${value}`);
  } else {
    console.log(command.getVersion());
  }
  exit(command, 0);
}

/** Ends the process, unless it was asked never to. */
function exit<Face>(command: CommandNode<Face>, code: number): void {
  if (command.nearest((one) => one.exits) ?? true) Deno.exit(code);
}
