/**
 * How large each part of the benchmark is.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** Sizes of the parts. */
export interface Sizes {
  /** How long each measurement takes, in seconds. */
  readonly seconds: number;
  /** Puts made while it is watched whether they grow dearer. */
  readonly puts: number;
  /** Entries of the log of a node whose start is measured. */
  readonly entries: number;
  /** The most keys of a store. */
  readonly keys: number;
  /** The most Clerks at a time. */
  readonly clerks: number;
  /** Appends to one key, of ten bytes each; at most 100,000. */
  readonly appends: number;
  /** Members of the clusters that are compared; the first is what the others are compared with. */
  readonly members: readonly number[];
  /** Mebibytes that a follower has missed. */
  readonly missedMebibytes: number;
  /** Mebibytes of text whose words MapReduce counts; the large reduce task reads as much. */
  readonly textMebibytes: number;
}

/** What is done unless something else is asked for: some minutes. */
export const defaultSizes: Sizes = {
  seconds: 3,
  puts: 1_000_000,
  entries: 1_000_000,
  keys: 100_000,
  clerks: 1000,
  appends: 100_000,
  members: [3, 5, 7],
  missedMebibytes: 64,
  textMebibytes: 256,
};

/** Less than a minute: whether everything works, and the first digit of each figure. */
export const quickSizes: Sizes = {
  seconds: 0.5,
  puts: 20_000,
  entries: 20_000,
  keys: 3_000,
  clerks: 50,
  appends: 5_000,
  members: [3, 5],
  missedMebibytes: 4,
  textMebibytes: 16,
};

/** What a run was asked to do. */
export interface BenchArguments {
  /** How large. */
  readonly sizes: Sizes;
  /** Names of the parts; all if there are none. */
  readonly only: readonly string[];
  /** Where figures and page go. */
  readonly json: string | undefined;
  readonly html: string | undefined;
}

/** Reads the command line; throws an Error that says what is wrong with it. */
export function benchArguments(words: readonly string[]): BenchArguments {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      quick: { type: "boolean", default: false },
      ...{
        seconds: text,
        puts: text,
        entries: text,
        keys: text,
        clerks: text,
        appends: text,
        members: text,
        "missed-mebibytes": text,
        "text-mebibytes": text,
      },
      ...{ only: text, json: text, html: text },
    },
  });
  const base = values.quick ? quickSizes : defaultSizes;
  const number = (name: string, given: string | undefined, otherwise: number): number => {
    const value = given === undefined ? otherwise : Number(given);
    if (value > 0) return value;
    throw new Error(`Cannot run with --${name} ${given}: give a number above 0`);
  };
  return {
    sizes: {
      seconds: number("seconds", values.seconds, base.seconds),
      puts: number("puts", values.puts, base.puts),
      entries: number("entries", values.entries, base.entries),
      keys: number("keys", values.keys, base.keys),
      clerks: number("clerks", values.clerks, base.clerks),
      appends: Math.min(100_000, number("appends", values.appends, base.appends)),
      members: values.members?.split(",").map((count) => number("members", count, 3)) ?? base.members,
      missedMebibytes: number("missed-mebibytes", values["missed-mebibytes"], base.missedMebibytes),
      textMebibytes: number("text-mebibytes", values["text-mebibytes"], base.textMebibytes),
    },
    only: values.only?.split(",") ?? [],
    json: values.json,
    html: values.html,
  };
}
