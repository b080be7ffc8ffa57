import type { OptionDefinition } from "./definition.ts";
import type { Type, TypeHandler, TypeOrTypeHandler } from "./value_types.ts";

/** Two sets of properties as one; `void` is the empty set. */
export type Merge<Left, Right> = [Left] extends [void] ? Right
  : [Right] extends [void] ? Left
  : Left & Right;

/** The first type, or the second where the first is missing. */
export type OneOf<First, Second> = [First] extends [void] ? Second : First;

type BuiltInTypes = {
  string: string;
  file: string;
  secret: string;
  number: number;
  integer: number;
  boolean: boolean;
};

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type Resolved<Handler> = Handler extends Type<infer Value> ? Value
  : Handler extends TypeHandler<infer Value> ? Value
  : Handler;

type ValueOfType<Name extends string, Types> = Name extends keyof Types ? Resolved<Types[Name]>
  : Name extends keyof BuiltInTypes ? BuiltInTypes[Name]
  : unknown;

/** `key:string` as `string`, `ids:integer[]` as `number[]`, `name` as `string`. */
type InnerValue<Inner extends string, Types> = Inner extends `${string}:${infer Name}[]` ? ValueOfType<Name, Types>[]
  : Inner extends `${string}:${infer Name}` ? ValueOfType<Name, Types>
  : string;

type DefinedValue<Definition extends string, Types> = Definition extends `<${infer Inner}>` ? InnerValue<Inner, Types>
  : Definition extends `[${infer Inner}]` ? InnerValue<Inner, Types>
  : unknown;

type OneArgument<Definition extends string, Types> = Definition extends `${string}...${string}`
  ? Definition extends `[${string}]` ? DefinedValue<Definition, Types>[]
  : [DefinedValue<Definition, Types>, ...DefinedValue<Definition, Types>[]]
  : Definition extends `[${string}]` ? [DefinedValue<Definition, Types>?]
  : [DefinedValue<Definition, Types>];

/** `<key:string> [value:number]` as `[string, number?]`. */
export type ArgumentsOf<Definitions extends string, Types> = Definitions extends `${infer First} ${infer Rest}`
  ? [...OneArgument<First, Types>, ...ArgumentsOf<Rest, Types>]
  : OneArgument<Definitions, Types>;

/** The arguments in `get <key:string>`. */
export type ArgumentsAfterName<NameAndArguments extends string, Types> = NameAndArguments extends
  `${string} ${infer Definitions}` ? ArgumentsOf<Definitions, Types>
  : [];

type AfterDashes<Flags extends string> = Flags extends `${string}--${infer Rest}` ? Rest
  : Flags extends `-${infer Rest}` ? Rest
  : never;

type UntilEnd<Text extends string> = Text extends `${infer Name},${string}` ? Name
  : Text extends `${infer Name} ${string}` ? Name
  : Text extends `${infer Name}=${string}` ? Name
  : Text;

type OptionName<Flags extends string> = UntilEnd<AfterDashes<Flags>>;

type OptionDefinitionText<Flags extends string> = Flags extends `${string}<${infer Rest}` ? `<${Rest}`
  : Flags extends `${string}[${infer Rest}` ? `[${Rest}`
  : never;

/** The value an option has when it is given: `true`, or what its definition says. */
export type OptionValue<Flags extends string, Types> = [OptionDefinitionText<Flags>] extends [never] ? true
  : OptionDefinitionText<Flags> extends `[${string}]` ? true | DefinedValue<OptionDefinitionText<Flags>, Types>
  : DefinedValue<OptionDefinitionText<Flags>, Types>;

type FinalValue<Value, Default, Collect, Mapped> = [Mapped] extends [undefined] ?
    | (Collect extends true ? Value[] : Value)
    | ([Default] extends [undefined] ? never : Default)
  : Mapped;

/** The property an option adds to the options of its command. */
export type OptionProperty<
  Flags extends string,
  Types,
  Required,
  Default,
  Collect,
  Mapped,
> = OptionName<Flags> extends `no-${infer Name}` ? { [Key in CamelCase<Name>]: boolean }
  : Required extends true ? {
      [Key in CamelCase<OptionName<Flags>>]: FinalValue<
        OptionValue<Flags, Types>,
        Default,
        Collect,
        Mapped
      >;
    }
  : [Default] extends [undefined] ? {
      [Key in CamelCase<OptionName<Flags>>]?:
        | FinalValue<OptionValue<Flags, Types>, Default, Collect, Mapped>
        | undefined;
    }
  : {
    [Key in CamelCase<OptionName<Flags>>]: FinalValue<
      OptionValue<Flags, Types>,
      Default,
      Collect,
      Mapped
    >;
  };

/** What an option is told beside its flags and its description. */
export interface OptionSettings<Value, Required, Default, Collect, Mapped> extends
  Pick<
    OptionDefinition,
    | "hidden"
    | "global"
    | "standalone"
    | "separator"
    | "conflicts"
    | "depends"
    | "action"
    | "defaultText"
  > {
  /** Used when the option is not given. */
  default?: Default | (() => Default);
  /** Whether the command cannot do without. */
  required?: Required;
  /** Whether it may be given more than once; its values are gathered in an array. */
  collect?: Collect;
  /** Turns the parsed value into another one. */
  value?: (value: Value, previous?: Mapped) => Mapped;
}

/** What runs when the command is called. */
export type ActionHandler<
  Options = void,
  Arguments extends unknown[] = [],
  Globals = void,
  ParentGlobals = void,
  This = unknown,
> = (
  this: This,
  options: Merge<ParentGlobals, Merge<Globals, Options>>,
  ...args: Arguments
) => unknown;

/** What `parse` resolves to. */
export interface CommandResult<
  Options = Record<string, unknown>,
  Arguments extends unknown[] = unknown[],
> {
  /** The values of the options. */
  options: Options;
  /** The values of the arguments. */
  args: Arguments;
  /** What stood after `--`. */
  literal: string[];
  /** The command that was called. */
  cmd: Command;
}

/** How a {@link Command} is made. */
export interface CommandConstructor {
  new <
    ParentGlobals = void,
    ParentTypes = void,
    Options = void,
    Arguments extends unknown[] = [],
    Globals = void,
    Types = void,
    GlobalTypes = void,
    Parent = undefined,
  >(): Command<
    ParentGlobals,
    ParentTypes,
    Options,
    Arguments,
    Globals,
    Types,
    GlobalTypes,
    Parent
  >;
}

/** A command, with the types of its options and arguments as its definitions imply them. */
export interface Command<
  ParentGlobals = void,
  ParentTypes = void,
  Options = void,
  Arguments extends unknown[] = [],
  Globals = void,
  Types = void,
  GlobalTypes = void,
  Parent = undefined,
> {
  /** Names the command. */
  name(name: string): this;
  /** Sets the version that `--version` shows. */
  version(version: string | (() => string)): this;
  /** Describes the command. The first line is what lists of commands show. */
  description(description: string | (() => string)): this;
  /** Adds a fact to help and to `--version`. */
  meta(name: string, value: string): this;
  /** Replaces what stands after the name in the usage line. */
  usage(usage: string): this;
  /** Adds an example to help. */
  example(name: string, description: string): this;
  /** Adds another name for the command. */
  alias(alias: string): this;
  /** Leaves the command out of help and completions. */
  hidden(): this;
  /** Takes everything from the first argument on as arguments. */
  stopEarly(stopEarly?: boolean): this;
  /** Names the sub-command to run when nothing at all is given. */
  default(name: string): this;
  /** Throws mistakes, in place of showing them and ending the process. */
  throwErrors(): this;
  /** Never ends the process, not even after `--help`. */
  noExit(): this;
  /** Takes no options from its parents. */
  noGlobals(): this;
  /** Is told every error before it is thrown or shown. */
  error(handler: (error: Error, command: Command) => unknown): this;
  /** Defines the arguments. */
  arguments<const Definitions extends string>(
    definitions: Definitions,
    descriptions?: string[],
  ): Command<
    ParentGlobals,
    ParentTypes,
    Options,
    ArgumentsOf<Definitions, Merge<ParentTypes, Merge<GlobalTypes, Types>>>,
    Globals,
    Types,
    GlobalTypes,
    Parent
  >;
  /** Adds a type that options and arguments of this command may name. */
  type<const Name extends string, Handler extends TypeOrTypeHandler<unknown>>(
    name: Name,
    handler: Handler,
    options?: { global?: boolean },
  ): Command<
    ParentGlobals,
    ParentTypes,
    Options,
    Arguments,
    Globals,
    Merge<Types, { [Key in Name]: Handler }>,
    GlobalTypes,
    Parent
  >;
  /** Adds a type that options and arguments of this command and its sub-commands may name. */
  globalType<
    const Name extends string,
    Handler extends TypeOrTypeHandler<unknown>,
  >(
    name: Name,
    handler: Handler,
  ): Command<
    ParentGlobals,
    ParentTypes,
    Options,
    Arguments,
    Globals,
    Types,
    Merge<GlobalTypes, { [Key in Name]: Handler }>,
    Parent
  >;
  /** Adds an option. */
  option<
    const Flags extends string,
    Required extends boolean | undefined = undefined,
    const Default = undefined,
    Collect extends boolean | undefined = undefined,
    Mapped = undefined,
    Value = OptionValue<Flags, Merge<ParentTypes, Merge<GlobalTypes, Types>>>,
  >(
    flags: Flags,
    description: string,
    settings?:
      | OptionSettings<Value, Required, Default, Collect, Mapped>
      | ((value: Value, previous?: Mapped) => Mapped),
  ): Command<
    ParentGlobals,
    ParentTypes,
    Merge<
      Options,
      OptionProperty<
        Flags,
        Merge<ParentTypes, Merge<GlobalTypes, Types>>,
        Required,
        Default,
        Collect,
        Mapped
      >
    >,
    Arguments,
    Globals,
    Types,
    GlobalTypes,
    Parent
  >;
  /** Adds an option that sub-commands take too. */
  globalOption<
    const Flags extends string,
    Required extends boolean | undefined = undefined,
    const Default = undefined,
    Collect extends boolean | undefined = undefined,
    Mapped = undefined,
    Value = OptionValue<Flags, Merge<ParentTypes, Merge<GlobalTypes, Types>>>,
  >(
    flags: Flags,
    description: string,
    settings?:
      | OptionSettings<Value, Required, Default, Collect, Mapped>
      | ((value: Value, previous?: Mapped) => Mapped),
  ): Command<
    ParentGlobals,
    ParentTypes,
    Options,
    Arguments,
    Merge<
      Globals,
      OptionProperty<
        Flags,
        Merge<ParentTypes, Merge<GlobalTypes, Types>>,
        Required,
        Default,
        Collect,
        Mapped
      >
    >,
    Types,
    GlobalTypes,
    Parent
  >;
  /** Adds a sub-command made before; what follows in the chain is said about it. */
  command<
    SubOptions,
    SubArguments extends unknown[],
    SubGlobals,
    SubTypes,
    SubGlobalTypes,
    G,
    T,
    P,
  >(
    name: string,
    command: Command<
      G,
      T,
      SubOptions,
      SubArguments,
      SubGlobals,
      SubTypes,
      SubGlobalTypes,
      P
    >,
  ): Command<
    [Parent] extends [undefined] ? Merge<ParentGlobals, Globals>
      : ParentGlobals,
    [Parent] extends [undefined] ? Merge<ParentTypes, GlobalTypes>
      : ParentTypes,
    SubOptions,
    SubArguments,
    SubGlobals,
    SubTypes,
    SubGlobalTypes,
    OneOf<Parent, this>
  >;
  /** Adds a sub-command; what follows in the chain is said about it. */
  command<const NameAndArguments extends string>(
    nameAndArguments: NameAndArguments,
    description?: string,
  ): Command<
    [Parent] extends [undefined] ? Merge<ParentGlobals, Globals>
      : ParentGlobals,
    [Parent] extends [undefined] ? Merge<ParentTypes, GlobalTypes>
      : ParentTypes,
    void,
    ArgumentsAfterName<
      NameAndArguments,
      [Parent] extends [undefined] ? Merge<ParentTypes, GlobalTypes>
        : ParentTypes
    >,
    void,
    void,
    void,
    OneOf<Parent, this>
  >;
  /** Goes back to the command the chain began with. */
  reset(): OneOf<Parent, this>;
  /** Says what the command does. */
  action(
    handler: ActionHandler<Options, Arguments, Globals, ParentGlobals, this>,
  ): this;
  /** Parses a command line (the process's own, by default) and runs the command it names. */
  parse(commandLine?: string[]): Promise<
    [Parent] extends [undefined] ? CommandResult<Merge<ParentGlobals, Merge<Globals, Options>>, Arguments>
      : CommandResult
  >;
  /** The help page. */
  getHelp(): string;
  /** Prints the help page. */
  showHelp(): void;
  /** Prints the version. */
  showVersion(): void;
  /** The command's name. */
  getName(): string;
  /** Its other names. */
  getAliases(): string[];
  /** Its name after those of its parents. */
  getPath(): string;
  /** Its version, or its parent's. */
  getVersion(): string | undefined;
  /** Its description. */
  getDescription(): string;
  /** The first line of its description. */
  getShortDescription(): string;
  /** What stands after the path in the usage line. */
  getUsage(): string;
  /** The definitions of its arguments. */
  getArgsDefinition(): string | undefined;
  /** Its options and those it takes from its parents. */
  getOptions(hidden?: boolean): OptionDefinition[];
  /** Its sub-commands. */
  getCommands(hidden?: boolean): Command[];
  /** A sub-command, by name or alias. */
  getCommand(name: string, hidden?: boolean): Command | undefined;
  /** The command at the root of the tree. */
  getMainCommand(): Command;
  /** The command through which this one was called. */
  getGlobalParent(): Command | undefined;
}
