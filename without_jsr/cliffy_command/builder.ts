import {
  type OptionDefinition,
  type OptionSettings,
  parseArgument,
  parseOption,
  splitDefinition,
} from "./definition.ts";
import { helpText } from "./help_text.ts";
import { CommandNode, type ErrorHandler, type Handler } from "./node.ts";
import { type Result, runCommand } from "./run.ts";
import type { TypeOrTypeHandler } from "./value_types.ts";

/**
 * What a `Command` is at run time, without the types that follow from its definitions.
 *
 * A chain of calls is always on one object; after `command(…)` it speaks about the sub-command, until `reset()`.
 */
export class CommandBuilder {
  readonly #node = new CommandNode<CommandBuilder>(this);
  #selected = this.#node;

  name(name: string): this {
    this.#selected.name = name;
    return this;
  }

  version(version: string | (() => string)): this {
    this.#selected.version = version;
    return this;
  }

  description(description: string | (() => string)): this {
    this.#selected.description = description;
    return this;
  }

  meta(name: string, value: string): this {
    this.#selected.meta[name] = value;
    return this;
  }

  usage(usage: string): this {
    this.#selected.usage = usage;
    return this;
  }

  example(name: string, description: string): this {
    this.#selected.examples.push({ name, description });
    return this;
  }

  alias(alias: string): this {
    this.#selected.aliases.push(alias);
    return this;
  }

  hidden(): this {
    this.#selected.isHidden = true;
    return this;
  }

  stopEarly(stopEarly = true): this {
    this.#selected.stopsEarly = stopEarly;
    return this;
  }

  default(name: string): this {
    this.#selected.defaultCommand = name;
    return this;
  }

  throwErrors(): this {
    this.#selected.throws = true;
    return this;
  }

  noExit(): this {
    this.#selected.exits = false;
    return this.throwErrors();
  }

  noGlobals(): this {
    this.#selected.takesGlobals = false;
    return this;
  }

  error(handler: ErrorHandler<CommandBuilder>): this {
    this.#selected.errorHandler = handler;
    return this;
  }

  arguments(definitions: string): this {
    this.#selected.arguments = definitions.trim().split(/ +/).map(parseArgument);
    return this;
  }

  type(name: string, handler: TypeOrTypeHandler<unknown>, { global = false } = {}): this {
    this.#selected.types.set(name, { handler, isGlobal: global });
    return this;
  }

  globalType(name: string, handler: TypeOrTypeHandler<unknown>): this {
    return this.type(name, handler, { global: true });
  }

  option(flags: string, description: string, given: OptionSettings | OptionSettings["value"] = {}): this {
    const option = parseOption(flags, description, typeof given === "function" ? { value: given } : given);
    if (this.#selected.options.some((one) => one.name === option.name)) {
      const path = this.#selected.getPath();
      throw new Error(`An option with name '--${option.name}' is already registered on command '${path}'.`);
    }
    this.#selected.options.push(option);
    return this;
  }

  globalOption(flags: string, description: string, given: OptionSettings | OptionSettings["value"] = {}): this {
    const settings = typeof given === "function" ? { value: given } : given;
    return this.option(flags, description, { ...settings, global: true });
  }

  command(nameAndArguments: string, commandOrDescription?: CommandBuilder | string): this {
    const { words: [name, ...aliases], definitions } = splitDefinition(nameAndArguments);
    if (name === undefined) throw new Error("Missing command name.");
    if (this.#node.getCommand(name, true)) throw new Error(`Duplicate command name "${name}".`);
    const command = commandOrDescription instanceof CommandBuilder ? commandOrDescription : new CommandBuilder();
    const node = command.reset().#node;
    node.name = name;
    node.parent = this.#node;
    node.aliases.push(...aliases);
    if (typeof commandOrDescription === "string") node.description = commandOrDescription;
    if (definitions.length > 0) node.arguments = definitions.map(parseArgument);
    this.#node.commands.push(node);
    this.#selected = node;
    return this;
  }

  reset(): this {
    this.#selected = this.#node;
    return this;
  }

  action(handler: Handler<CommandBuilder>): this {
    this.#selected.handler = handler;
    return this;
  }

  parse(commandLine: string[] = Deno.args): Promise<Result<CommandBuilder>> {
    return runCommand(this.reset().#node, commandLine);
  }

  getHelp(): string {
    return helpText(this.#node);
  }

  showHelp(): void {
    console.log(this.getHelp());
  }

  showVersion(): void {
    console.log(this.getVersion());
  }

  getName(): string {
    return this.#node.name;
  }

  getAliases(): string[] {
    return this.#node.aliases;
  }

  getPath(): string {
    return this.#node.getPath();
  }

  getVersion(): string | undefined {
    return this.#node.getVersion();
  }

  getDescription(): string {
    return this.#node.getDescription();
  }

  getShortDescription(): string {
    return this.#node.getShortDescription();
  }

  getUsage(): string {
    return this.#node.getUsage();
  }

  getArgsDefinition(): string | undefined {
    return this.#node.getArgumentsDefinition() || undefined;
  }

  getOptions(hidden = false): OptionDefinition[] {
    return this.#node.getOptions(hidden);
  }

  getCommands(hidden = false): CommandBuilder[] {
    return this.#node.getCommands(hidden).map((one) => one.face);
  }

  getCommand(name: string, hidden = false): CommandBuilder | undefined {
    return this.#node.getCommand(name, hidden)?.face;
  }

  getMainCommand(): CommandBuilder {
    return this.#node.root().face;
  }

  getGlobalParent(): CommandBuilder | undefined {
    return this.#node.calledThrough?.face;
  }
}
