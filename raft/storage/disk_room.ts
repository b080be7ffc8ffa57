/**
 * Telling "the disk is full" from every other failure, and only where it is harmless.
 *
 * A *write* that found no room has promised nothing: its bytes were never synced, nobody was told of them, and what was
 * durable before lies elsewhere in the file or in other files. So they may be cut off, and the write repeated. Cutting off is
 * needed, since a part of the write may be there: records without the commit frame that ends a batch. After a crash they
 * are a torn tail, which is dropped; but the repeated batch may go into a new segment, and a torn tail in any segment but
 * the newest is damage. For the same reason the cut is made durable before a new segment is begun. If cutting off fails, the
 * node stops with the torn tail as it is.
 *
 * A failed *fsync* is another matter, whatever its error says (delayed allocation makes ENOSPC possible there, too): the
 * kernel may have dropped the pages and may call the next fsync a success. It is final; see `file_storage.ts`.
 *
 * @module
 */
import type { FileOptions, FileSystem, StorageFile } from "./file_system.ts";
import { DiskFullError } from "./storage.ts";
import { messageOf } from "./storage_error.ts";

/** ENOSPC and EDQUOT, as Deno words them. */
const noRoom = /\(os error (?:28|122)\)/;

/** What to throw instead of a failed write's error: a {@link DiskFullError} if there was no room. */
export function writeFailure(directory: string, error: unknown): unknown {
  if (!(error instanceof Error) || !noRoom.test(error.message)) return error;
  return new DiskFullError(
    `Cannot write to data directory ${directory}: ${
      messageOf(error)
    }. Free some space; the node goes on by itself then.`,
    error,
  );
}

/** Creates a file; when there is no room for it, or for what `begin` writes, it is gone again. */
export async function createFile<T>(
  fileSystem: FileSystem,
  name: string,
  options: FileOptions,
  begin: (file: StorageFile) => Promise<T>,
): Promise<T> {
  let file: StorageFile;
  try {
    file = await fileSystem.open(name, { ...options, create: true });
  } catch (error) {
    throw writeFailure(fileSystem.directory, error);
  }
  try {
    return await begin(file);
  } catch (error) {
    file.close();
    if (error instanceof DiskFullError) await fileSystem.remove(name);
    throw error;
  }
}
