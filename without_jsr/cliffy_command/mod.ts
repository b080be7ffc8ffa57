/**
 * Stands in for `@cliffy/command` where JSR cannot be reached: the part of its API that a tree of commands with typed
 * options and arguments needs, over `npm:commander`, which splits the command line into options and arguments.
 * Types, order of checks and messages follow the real package, so that the same program runs on both.
 *
 * Not covered: environment variables, option groups, options with several values, dotted and wildcard options, lazily
 * loaded commands, dynamic completions, the upgrade command.
 *
 * @module
 */
export { Command } from "./command.ts";
export type { ActionHandler, CommandResult } from "./inferred_types.ts";
export type { ArgumentDefinition as Argument } from "./definition.ts";
export type { OptionDefinition as Option } from "./definition.ts";
export { ValidationError, type ValidationErrorOptions } from "./errors.ts";
export {
  type ArgumentValue,
  BooleanType,
  EnumType,
  FileType,
  IntegerType,
  NumberType,
  SecretType,
  StringType,
  Type,
  type TypeHandler,
  type TypeOrTypeHandler,
} from "./value_types.ts";
