import { type ArgumentDefinition, type OptionDefinition, parseOption } from "./definition.ts";
import type { TypeOrTypeHandler } from "./value_types.ts";

/** What runs when a command is called. */
export type Handler<Face> = (this: Face, options: Record<string, unknown>, ...args: unknown[]) => unknown;

/** Is told every error before it is thrown or shown. */
export type ErrorHandler<Face> = (error: Error, command: Face) => unknown;

/**
 * A command in the tree of commands: what was said about it, and what follows from its place in the tree.
 * `Face` is the object that the program holds of it.
 */
export class CommandNode<Face> {
  readonly face: Face;
  parent: CommandNode<Face> | undefined;
  calledThrough: CommandNode<Face> | undefined;
  isCalledDirectly = false;
  name = "COMMAND";
  version: string | (() => string) | undefined;
  description: string | (() => string) = "";
  usage: string | undefined;
  isHidden = false;
  stopsEarly = false;
  defaultCommand: string | undefined;
  throws: true | undefined;
  exits: false | undefined;
  takesGlobals = true;
  errorHandler: ErrorHandler<Face> | undefined;
  handler: Handler<Face> | undefined;
  arguments: ArgumentDefinition[] = [];
  readonly aliases: string[] = [];
  readonly meta: Record<string, string> = {};
  readonly examples: { name: string; description: string }[] = [];
  readonly options: OptionDefinition[] = [];
  readonly types = new Map<string, { handler: TypeOrTypeHandler<unknown>; isGlobal: boolean }>();
  readonly commands: CommandNode<Face>[] = [];

  constructor(face: Face) {
    this.face = face;
  }

  /** The first answer that is not `undefined`, asking this command and then its parents. */
  nearest<Answer>(ask: (command: CommandNode<Face>) => Answer | undefined): Answer | undefined {
    return ask(this) ?? this.parent?.nearest(ask);
  }

  /** Whether it has this name, or this alias. */
  answersTo(name: string): boolean {
    return this.name === name || this.aliases.includes(name);
  }

  /** The root of the tree. */
  root(): CommandNode<Face> {
    return this.parent?.root() ?? this;
  }

  /** A type its options and arguments may name. */
  findType(name: string, onlyGlobal = false): TypeOrTypeHandler<unknown> | undefined {
    const found = this.types.get(name);
    if (found && (!onlyGlobal || found.isGlobal)) return found.handler;
    return this.parent?.findType(name, true);
  }

  /** Its name after those of its parents. */
  getPath(): string {
    return this.parent && !this.isCalledDirectly ? `${this.parent.getPath()} ${this.name}` : this.name;
  }

  /** Its version, or its parent's. */
  getVersion(): string | undefined {
    const version = this.nearest((one) => one.version);
    return typeof version === "function" ? version() : version;
  }

  /** The whole description. */
  getDescription(): string {
    return typeof this.description === "function" ? this.description.call(this.face) : this.description;
  }

  /** The first line of the description. */
  getShortDescription(): string {
    return this.getDescription().trim().split("\n", 1)[0]?.trim() ?? "";
  }

  /** The definitions of its arguments, as they were written. */
  getArgumentsDefinition(): string {
    return this.arguments.map((one) => one.raw).join(" ");
  }

  /** What stands after the path in the usage line. */
  getUsage(): string {
    const required = this.getOptions().filter((option) => option.required);
    const flags = required.map((one) => `${one.flags.find((flag) => flag.startsWith("--"))} ${one.typeDefinition}`);
    return this.usage ?? [this.getArgumentsDefinition(), ...flags].join(" ").trim();
  }

  /** Its sub-commands. */
  getCommands(hidden = false): CommandNode<Face>[] {
    return this.commands.filter((one) => hidden || !one.isHidden);
  }

  /** A sub-command, by name or alias. */
  getCommand(name: string, hidden = false): CommandNode<Face> | undefined {
    return this.getCommands(hidden).find((one) => one.answersTo(name));
  }

  /** Its options, after those that it takes from its parents. */
  getOptions(hidden = false): OptionDefinition[] {
    const own = [...this.#standardOptions(), ...this.options];
    const inherited = this.#inheritedOptions().filter((one) => !own.some(({ name }) => name === one.name));
    return [...inherited, ...own].filter((one) => hidden || !one.hidden);
  }

  #inheritedOptions(onlyHelp = !this.takesGlobals): OptionDefinition[] {
    const parent = this.parent;
    if (!parent) return [];
    const offered = [...parent.#standardOptions(), ...parent.options];
    const further = parent.#inheritedOptions(onlyHelp || !parent.takesGlobals);
    return [...further, ...offered.filter((one) => one.global && (!onlyHelp || one.name === "help"))];
  }

  /** `--help`, and `--version` where there is one; they belong to the root. */
  #standardOptions(): OptionDefinition[] {
    if (this.parent) return [];
    const help = parseOption("-h, --help", "Show this help.", { standalone: true, global: true });
    const text = "Show the version number for this program.";
    return this.version === undefined ? [help] : [help, parseOption("-V, --version", text, { standalone: true })];
  }
}
