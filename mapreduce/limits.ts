/**
 * Every limit of MapReduce in one place, with the relations between them; a test asserts those.
 *
 * @module
 */

const mebibyte = 1024 * 1024;

/** Input files of one job, hence map tasks. With {@link maxReduces} the tasks of a job fit one item of a snapshot. */
export const maxInputs = 4096;
/** Bytes of an input file: `map` gets it as one text, and V8 has none that is longer. */
export const maxInputBytes = 512 * mebibyte - 24;
/** Reduce tasks of one job. */
export const maxReduces = 1024;
/** Characters of a job's description altogether, so that it fits a client's frame and a command of the log. */
export const maxSpecCharacters = 400_000;
/** Jobs that the coordinator remembers; the oldest that are over are forgotten first. */
export const maxJobs = 16;
/** Characters of a worker's, a job's or a parameter's name. */
export const maxNameCharacters = 64;
/** Characters that are kept of what a failed task had to say. */
export const maxMessageCharacters = 4000;
/** Workers that the coordinator remembers. */
export const maxWorkers = 1024;

/** A worker that has shown no progress for so long is taken for dead, in milliseconds of cluster time. */
export const defaultLeaseMs = 10_000;
/** The shortest lease, in milliseconds: > a few elections, or a change of leader would cost every task. */
export const minLeaseMs = 500;
/** A task whose code has thrown so often fails the job. */
export const maxFailures = 3;
/** A task whose workers have disappeared so often fails the job: > {@link maxFailures}, for the fault may be elsewhere. */
export const maxLosses = 20;
/** How long a worker without a task waits before it asks again, in milliseconds. */
export const idlePollMs = 100;

/** Bytes, roughly, that a map task gathers before it writes them out sorted. */
export const defaultBufferBytes = 32 * mebibyte;
/** Bytes of a block, as text, in a file of sorted pairs: what a reader holds in memory of each file. */
export const blockCharacters = 64 * 1024;
/** Longest block of such a file: one pair may be larger than a block should be. > 3 * {@link maxPairCharacters}. */
export const maxBlockBytes = 100 * mebibyte;
/** Characters of a key and a value together. */
export const maxPairCharacters = 32 * mebibyte;
/** Files merged at a time; of more, some are merged into one first. */
export const maxMergeFiles = 64;
