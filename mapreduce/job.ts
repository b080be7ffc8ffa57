/**
 * What a user writes: a module that exports `map` and `reduce`, and if it likes `combine` and `partition`.
 *
 * @example Word count, the whole job
 * ```ts
 * import type { KeyValue } from "@balsa/balsa/mapreduce";
 *
 * export function* map(_filename: string, contents: string): Iterable<KeyValue> {
 *   for (const [word] of contents.matchAll(/\p{Letter}+/gu)) yield { key: word, value: "1" };
 * }
 *
 * export function reduce(_key: string, values: Iterable<string>): string {
 *   let count = 0;
 *   for (const value of values) count += Number(value);
 *   return String(count);
 * }
 * ```
 *
 * @module
 */
import { JobError } from "./errors.ts";

/** One pair that a map function has made. */
export interface KeyValue {
  /** Pairs of equal keys meet in one call of `reduce`. */
  readonly key: string;
  /** Any text. */
  readonly value: string;
}

/** Several pairs, made at once or one by one. */
export type KeyValues = Iterable<KeyValue> | AsyncIterable<KeyValue>;

/** What a job's functions may know beside their input. */
export interface JobContext {
  /** What `--parameter NAME=VALUE` has set. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Makes pairs of one input file. Must give the same pairs each time it is called with the same file. */
export type MapFunction = (filename: string, contents: string, context: JobContext) => KeyValues | Promise<KeyValues>;

/**
 * Makes one result of all values of a key. The values come one by one, as there may be more than fit into memory: in the
 * order of the input files, and for each file in the order in which `map` made them. They can be gone through once.
 */
export type ReduceFunction = (
  key: string,
  values: Iterable<string>,
  context: JobContext,
) => string | Promise<string>;

/**
 * Makes one value of several values of a key, in the worker that has made them, so that less has to be written. It may be
 * called any number of times, also on its own results: `reduce` must not be able to tell.
 */
export type CombineFunction = (key: string, values: readonly string[], context: JobContext) => string;

/** Which reduce task a key belongs to: an integer with `0 <= result < reduces`, always the same for a key. */
export type PartitionFunction = (key: string, reduces: number) => number;

/** A job's functions. */
export interface Job {
  /** See {@link MapFunction}. */
  readonly map: MapFunction;
  /** See {@link ReduceFunction}. */
  readonly reduce: ReduceFunction;
  /** See {@link CombineFunction}; null for none. */
  readonly combine: CombineFunction | null;
  /** See {@link PartitionFunction}; null for a hash of the key. */
  readonly partition: PartitionFunction | null;
}

const names = ["map", "reduce", "combine", "partition"] as const;

/** Checks that a module is a job. Throws {@link JobError} with what is missing. `where` names the module in messages. */
export function jobFromModule(module: Readonly<Record<string, unknown>>, where: string): Job {
  for (const name of names) {
    const value = module[name];
    const isNeeded = name === "map" || name === "reduce";
    if (typeof value === "function" || (value === undefined && !isNeeded)) continue;
    throw new JobError(
      value === undefined
        ? `Cannot run the job ${where}: it exports no function ${name}; add "export function ${name}(…)" to it`
        : `Cannot run the job ${where}: its export ${name} is of type ${typeof value}, not a function`,
    );
  }
  const { map, reduce, combine = null, partition = null } = module;
  // What the functions take and give can only be seen when they are called; their callers check what they give.
  return { map, reduce, combine, partition } as Job;
}
