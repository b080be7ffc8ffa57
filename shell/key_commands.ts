/**
 * Commands that the REPL and the command line have in common, as one table: names, arguments, options and what they do.
 *
 * @module
 */
import { Command } from "jsr:@cliffy/command@^1.2.0";
import { runCompareAndSet, runDelete, runIncrement, runScan, runTransaction } from "./commands/keys.ts";
import { runLease } from "./commands/lease.ts";
import { runLock } from "./commands/lock.ts";
import { runExport, runImport } from "./commands/transfer.ts";
import { runWatch } from "./commands/watch.ts";
import type { ShellContext } from "./context.ts";
import { revealWord } from "./dashes.ts";
import { Flags } from "./flags.ts";

/** One command. */
export interface KeyCommand {
  /** What is typed. */
  readonly name: string;
  /** Its arguments as the parser wants them; "" for none. */
  readonly arguments: string;
  /** Its arguments as people read them. */
  readonly usage: string;
  /** A sentence. */
  readonly description: string;
  /** Its options, with what they mean. */
  readonly options: readonly (readonly [flags: string, description: string])[];
  /** Does it. */
  readonly run: (context: ShellContext, flags: Flags, words: readonly string[]) => Promise<void>;
}

const json = ["--json", "Print JSON"] as const;

/** All of them, in the order in which help shows them. */
export const keyCommands: readonly KeyCommand[] = [
  {
    name: "cas",
    arguments: "<key:string> <words...:string>",
    usage: "<key> <expected> <value>",
    description: "Replace the value of a key if it is the expected one; fails if it is not",
    options: [
      ["--absent", "Expect no value: cas --absent KEY VALUE"],
      ["--version <version:integer>", "Expect this version, 0 for a missing key: cas --version N KEY VALUE"],
      json,
    ],
    run: runCompareAndSet,
  },
  {
    name: "del",
    arguments: "[key:string]",
    usage: "<key>",
    description: "Delete a key, or with --prefix all keys that begin with it",
    options: [["--prefix <prefix:string>", "Delete the keys that begin with this"], json],
    run: runDelete,
  },
  {
    name: "incr",
    arguments: "<key:string> [by:string]",
    usage: "<key> [by]",
    description: "Add to the whole number that a key holds, and print the sum",
    options: [json],
    run: runIncrement,
  },
  {
    name: "scan",
    arguments: "",
    usage: "[--prefix P] [--from K] [--to K] [--limit N]",
    description: "Print keys with their values, in order",
    options: [
      ["--prefix <prefix:string>", "Only keys that begin with this"],
      ["--from <key:string>", "Only keys from this one on"],
      ["--to <key:string>", "Only keys before this one"],
      ["--limit <count:integer>", "At most so many; all unless given, and 100 on a terminal"],
      ["--reverse", "In descending order"],
      ["--keys", "Without the values"],
      ["--count", "Print only how many there are"],
      ["--json", "Print JSON Lines"],
    ],
    run: runScan,
  },
  {
    name: "txn",
    arguments: "<transaction:string>",
    usage: "<json>",
    description: "Compare keys, then write some or others, all at once; prints then or else",
    options: [json],
    run: runTransaction,
  },
  {
    name: "watch",
    arguments: "[key:string]",
    usage: "[<key>] [--prefix P]",
    description: "Print what happens to a key, to the keys with a prefix, or to all, until Ctrl-C",
    options: [
      ["--prefix <prefix:string>", "Watch the keys that begin with this"],
      [
        "--from <index:integer>",
        "Begin with what happened at this index of the log; with what happens now unless given",
      ],
      ["--snapshot", "Print the keys as they are first, and again if what happened next is forgotten"],
      ["--limit <count:integer>", "End after so many"],
      ["--json", "Print JSON Lines"],
    ],
    run: runWatch,
  },
  {
    name: "lease",
    arguments: "<action:string> [words...:string]",
    usage: "grant|put|keep-alive|ttl|revoke|list …",
    description: "Leases: keys that are put with one are deleted when it ends",
    options: [json],
    run: runLease,
  },
  {
    name: "lock",
    arguments: "<name:string> [command...:string]",
    usage: "<name> -- <command>",
    description: "Run a command while holding a lock; it finds the fencing token in BALSA_LOCK_TOKEN",
    options: [[
      "--lease <milliseconds:integer>",
      "Others get the lock so long after this process has died; 10000 unless given",
    ]],
    run: runLock,
  },
  {
    name: "export",
    arguments: "",
    usage: "[--prefix P]",
    description: "Print all keys and values as JSON Lines",
    options: [["--prefix <prefix:string>", "Only keys that begin with this"]],
    run: runExport,
  },
  {
    name: "import",
    arguments: "[file:string]",
    usage: "<file>",
    description: "Put the keys and values of JSON Lines, from a file or standard input",
    options: [],
    run: runImport,
  },
];

/** A command for the parser, with options beyond its own where it stands alone. */
export function defineKeyCommand(
  definition: KeyCommand,
  moreOptions: KeyCommand["options"],
  run: (flags: Flags, words: readonly string[]) => Promise<void>,
): Command {
  const command = new Command().description(definition.description);
  for (const [flags, description] of [...moreOptions, ...definition.options]) command.option(flags, description);
  if (definition.arguments !== "") command.arguments(definition.arguments);
  command.action((options: unknown, ...words: unknown[]) =>
    run(new Flags(options), words.flat().filter((word) => typeof word === "string").map(revealWord))
  );
  return command;
}
