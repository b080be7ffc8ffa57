import { Command as Commander, CommanderError } from "npm:commander@15.1.0";
import type { OptionDefinition } from "./definition.ts";
import { flagOf, ValidationError } from "./errors.ts";

/** An option found on the command line, and the text of its value if it had one. */
export interface Occurrence {
  option: OptionDefinition;
  text: string | undefined;
}

/** A command line, taken apart. */
export interface Tokens {
  /** The options, in order. */
  occurrences: Occurrence[];
  /** All else, in order; flags that no option has are among it. */
  words: string[];
}

/**
 * Takes a command line apart with commander: `--id=n1`, `--id n1`, `-i n1`, `-jq` are its business.
 * With `stopAtFirstWord`, everything from the first word that is no option stays as it is.
 */
export function tokenize(
  commandLine: string[],
  options: OptionDefinition[],
  stopAtFirstWord: boolean,
): Tokens {
  const occurrences: Occurrence[] = [];
  const flags = new Set(options.flatMap((option) => option.flags));
  const commander = new Commander().exitOverride().configureOutput({
    writeErr: () => {},
  }).helpOption(false);
  commander.enablePositionalOptions().passThroughOptions(stopAtFirstWord);
  for (const option of options) {
    const value = option.argument ? (option.argument.optional ? " [value]" : " <value>") : "";
    commander.option(option.flags.join(", ") + value);
    commander.on(`option:${option.name}`, (text: string | null | undefined) => {
      occurrences.push({ option, text: text ?? undefined });
    });
  }
  try {
    // commander takes "-p=7001" for the value "=7001" of -p; Cliffy takes it for "7001".
    const words = commandLine.map((word) => flags.has(word.slice(0, 2)) ? word.replace(/^(-\w)=/, "$1") : word);
    const { operands, unknown } = commander.parseOptions(words);
    return { occurrences, words: [...operands, ...unknown] };
  } catch (error) {
    if (
      !(error instanceof CommanderError) ||
      error.code !== "commander.optionMissingArgument"
    ) throw error;
    // commander names the flags as they were defined, so that the last one is the option's name.
    const name = /'(?:.*, )?(-+[^ ']+)[^']*'/.exec(error.message)?.[1] ??
      error.message;
    throw new ValidationError(`Missing value for option "${flagOf(name)}".`, {
      cause: error,
    });
  }
}
