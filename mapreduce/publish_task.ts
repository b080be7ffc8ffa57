/**
 * Executes the publish task: gathers the outputs that count in one directory and gives it its final name. It can be begun
 * again after any step, by the same worker or another one, and two may even be at it at the same time.
 *
 * @module
 */
import { JobError } from "./errors.ts";
import { outputName, reduceDirectory, resultDirectory } from "./layout.ts";
import type { TaskGrant } from "./protocol.ts";

/** Executes it. Rejects with why files cannot be moved. */
export async function runPublishTask({ settings, sources }: TaskGrant): Promise<void> {
  const { workDirectory, outputDirectory } = settings;
  const names = sources.map((_, reduce) => outputName(reduce));
  if (await holdsAll(outputDirectory, names)) return;
  const result = resultDirectory(workDirectory);
  await Deno.mkdir(result, { recursive: true });
  for (const [reduce, attempt] of sources.entries()) {
    const name = outputName(reduce);
    await moveUnlessGone(`${reduceDirectory(workDirectory, reduce, attempt)}/${name}`, `${result}/${name}`);
  }
  syncDirectory(result);
  try {
    await Deno.rename(result, outputDirectory);
  } catch (error) {
    // Somebody else was faster, or the directory is not empty.
    if (await holdsAll(outputDirectory, names)) return;
    const reason = error instanceof Error ? error.message : String(error);
    throw new JobError(`Cannot publish the output as ${outputDirectory}: ${reason}`, { cause: error });
  }
}

/** Gone means: moved before. */
async function moveUnlessGone(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function holdsAll(directory: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    try {
      await Deno.stat(`${directory}/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }
  return true;
}

/** Makes names in a directory survive a loss of power. */
function syncDirectory(path: string): void {
  using directory = Deno.openSync(path, { read: true });
  directory.syncSync();
}
