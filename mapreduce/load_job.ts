/**
 * Loads a user's job. The only place where a module is imported by a name that is not known beforehand.
 *
 * @module
 */
import { errorText, JobError } from "./errors.ts";
import { type Job, jobFromModule } from "./job.ts";

/** Imports the module at `url`. Throws {@link JobError} when it cannot be loaded or is no job. */
export async function loadJob(url: string): Promise<Job> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(url);
  } catch (error) {
    throw new JobError(`Cannot load the job ${url}: ${errorText(error)}`, { cause: error });
  }
  return jobFromModule(module, url);
}
