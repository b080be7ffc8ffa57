import { CommandBuilder } from "./builder.ts";
import type * as inferred from "./inferred_types.ts";

/** A command, with the types of its options and arguments as its definitions imply them. */
export type Command<
  ParentGlobals = void,
  ParentTypes = void,
  Options = void,
  Arguments extends unknown[] = [],
  Globals = void,
  Types = void,
  GlobalTypes = void,
  Parent = undefined,
> = inferred.Command<
  ParentGlobals,
  ParentTypes,
  Options,
  Arguments,
  Globals,
  Types,
  GlobalTypes,
  Parent
>;

// The one place where types are asserted: what TypeScript reads out of "--id <id:string>" the running code cannot know.
/** Makes commands. */
export const Command: inferred.CommandConstructor = CommandBuilder as unknown as inferred.CommandConstructor;
