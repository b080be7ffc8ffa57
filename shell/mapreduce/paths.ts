/**
 * Paths, as the runtime's own module knows them.
 *
 * @module
 */
import { fileURLToPath, pathToFileURL } from "node:url";
export { dirname, resolve } from "node:path";

/** The URL of an absolute path. */
export function toFileUrl(path: string): URL {
  return pathToFileURL(path);
}

/** The path of a `file:` URL. */
export function fileUrlToPath(url: URL): string {
  return fileURLToPath(url);
}
