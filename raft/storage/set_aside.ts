/**
 * Puts the files of a directory that nobody may trust any more out of the way, so that the node can begin anew beside
 * them. Nothing is deleted: whoever wants to look, or to save what can be saved, finds every byte.
 *
 * What a crash leaves: some files renamed and some not. `meta` goes last, so that until then the directory is still known
 * for what it is; without `meta` the renamed files tell that it is not new.
 *
 * @module
 */
import type { FileSystem } from "./file_system.ts";
import { metaName } from "./meta.ts";

/** What the names of files begin with that were put out of the way. */
export const damagedPrefix = "damaged-";
/** The file that stays: it is held. */
const lockName = "lock";

/** Whether a file was put out of the way. */
export function isSetAside(name: string): boolean {
  return name.startsWith(damagedPrefix);
}

/** Renames every file of a locked directory to `damaged-LABEL-…`; durable when it resolves. Returns how many. */
export async function setAside(fileSystem: FileSystem, label: string): Promise<number> {
  const names = (await fileSystem.list()).filter((name) => name !== lockName && !isSetAside(name));
  const metaLast = [...names.filter((name) => name !== metaName), ...names.filter((name) => name === metaName)];
  for (const name of metaLast) {
    if (name === metaName) await fileSystem.syncDirectory();
    await fileSystem.rename(name, `${damagedPrefix}${label}-${name}`);
  }
  await fileSystem.syncDirectory();
  return metaLast.length;
}
