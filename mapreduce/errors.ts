/**
 * How MapReduce fails.
 *
 * @module
 */

/** A job that cannot be run as it is described, or has failed; the message says why and what to change. */
export class JobError extends Error {
  /** The class name, for logs. */
  override readonly name = "JobError";
}

/** No coordinator answered in time. */
export class CoordinatorUnreachableError extends Error {
  /** The class name, for logs. */
  override readonly name = "CoordinatorUnreachableError";
}

/** The output of a finished map task is missing or damaged; the map task must be executed again. */
export class MissingRunError extends Error {
  /** The class name, for logs. */
  override readonly name = "MissingRunError";
  /** The file. */
  readonly path: string;

  /** Made by the reader of that file. */
  constructor(path: string, problem: string) {
    super(`Cannot read the intermediate file ${path}: ${problem}`);
    this.path = path;
  }
}

/** Where Balsa's own modules are. */
const ownModules = new URL("../", import.meta.url).href;
/** Jobs among them. */
const sampleJobs = new URL("./samples/", import.meta.url).href;

/**
 * The text of anything that was thrown by a job's code: with its stack, if it has one, down to where Balsa has called the
 * job. What Balsa itself has to say against a job is no matter of its own stack.
 */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, name, stack = `${name}: ${message}` } = error;
  if (error instanceof JobError) return message;
  const lines = stack.split("\n");
  const isOwn = (line: string): boolean => line.includes(ownModules) && !line.includes(sampleJobs);
  // Modules of the runtime ("ext:deno_fs") have no address.
  const last = lines.findLastIndex((line) => /^ +at .*:\/\//.test(line) && !isOwn(line));
  return last < 0 ? stack : lines.slice(0, last + 1).join("\n");
}
