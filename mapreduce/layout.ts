/**
 * Where a job's files are.
 *
 * ```text
 * <work>/map-<m>.<attempt>/reduce-<r>      pairs of map task m for reduce task r, sorted
 * <work>/reduce-<r>.<attempt>/mr-out-<r>   what reduce task r has made of them
 * <work>/result/mr-out-<r>                 the attempts that count, gathered by the publish task
 * <output>/mr-out-<r>                      the same directory under its final name
 * ```
 *
 * Every attempt has a directory of its own, which the coordinator calls by its number once the attempt is complete. So a
 * file that is being written is never read, a late duplicate writes where nobody looks, and all output comes from attempts
 * that were complete. The output directory appears whole, by one rename, or not at all.
 *
 * The work directory and the output directory must be on the same file system, which all workers share.
 *
 * @module
 */

/** The directory of an attempt at a map task. */
export function mapDirectory(workDirectory: string, map: number, attempt: number): string {
  return `${workDirectory}/map-${map}.${attempt}`;
}

/** The pairs of a map task for a reduce task. */
export function runPath(workDirectory: string, map: number, attempt: number, reduce: number): string {
  return `${mapDirectory(workDirectory, map, attempt)}/reduce-${reduce}`;
}

/** The directory of an attempt at a reduce task. */
export function reduceDirectory(workDirectory: string, reduce: number, attempt: number): string {
  return `${workDirectory}/reduce-${reduce}.${attempt}`;
}

/** The output file's name, the same wherever it is. */
export function outputName(reduce: number): string {
  return `mr-out-${reduce}`;
}

/** Where the output is gathered. */
export function resultDirectory(workDirectory: string): string {
  return `${workDirectory}/result`;
}
