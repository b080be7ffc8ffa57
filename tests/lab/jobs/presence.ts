/**
 * How tasks that run at the same time, in different processes, see one another: each leaves a file while it runs.
 *
 * @module
 */

/** Milliseconds that a task stays, for others to see it. */
const stayMs = 1000;

/** Stays for a second in `directory`; returns how many processes were there at its beginning, this one among them. */
export async function countPresent(directory: string, kind: string): Promise<number> {
  await Deno.mkdir(directory, { recursive: true });
  const file = `${directory}/${kind}-${Deno.pid}`;
  await Deno.writeTextFile(file, "");
  let count = 0;
  for await (const { name } of Deno.readDir(directory)) if (name.startsWith(`${kind}-`)) count++;
  await new Promise((resolve) => setTimeout(resolve, stayMs));
  await Deno.remove(file);
  return count;
}

/** The directory that the test has chosen. */
export function scratchOf({ parameters }: { readonly parameters: Readonly<Record<string, string>> }): string {
  const { scratch } = parameters;
  if (scratch === undefined) throw new Error("the test must give the parameter scratch");
  return scratch;
}
