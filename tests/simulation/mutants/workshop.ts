/**
 * Copies of the sources in which mistakes may be planted. The checkout itself is only ever read.
 *
 * @module
 */
import { type Edit, patched } from "./mutant.ts";

/** The repository. */
const root = new URL("../../../", import.meta.url);

/** What a simulation is made of. */
const folders = ["raft", "kv", "tests/simulation"];

/** Files of the repository, from its root, that a simulation is made of. */
async function sourceFiles(): Promise<string[]> {
  const files: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, root))) {
      const path = `${folder}/${name}`;
      if (isDirectory) {
        if (path !== "tests/simulation/mutants") await visit(path);
      } else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) files.push(path);
    }
  };
  for (const folder of folders) await visit(folder);
  return files;
}

/** Text of a file of the repository, as it is today. */
export function readSource(file: string): Promise<string> {
  return Deno.readTextFile(new URL(file, root));
}

/** One copy of the sources in a temporary directory, which goes when it is disposed of. */
export class Workshop implements AsyncDisposable {
  /** Where the copy is. */
  readonly directory: string;
  readonly #sources: ReadonlyMap<string, string>;

  private constructor(directory: string, sources: ReadonlyMap<string, string>) {
    this.directory = directory;
    this.#sources = sources;
  }

  /** Copies the sources. */
  static async open(): Promise<Workshop> {
    const directory = await Deno.makeTempDir({ prefix: "balsa-mutants-" });
    const sources = new Map<string, string>();
    for (const file of await sourceFiles()) {
      const text = await readSource(file);
      sources.set(file, text);
      const path = `${directory}/${file}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
    return new Workshop(directory, sources);
  }

  /** Makes the edits, all of them on the sources as they are; throws before the first one is made when one does not fit. */
  async plant(edits: readonly Edit[]): Promise<void> {
    const texts = new Map<string, string>();
    for (const edit of edits) {
      const text = texts.get(edit.file) ?? this.#sources.get(edit.file);
      if (text === undefined) {
        throw new Error(`Cannot patch ${edit.file}: there is no such file in ${folders.join(", ")}`);
      }
      texts.set(edit.file, patched(text, edit));
    }
    for (const [file, text] of texts) await Deno.writeTextFile(`${this.directory}/${file}`, text);
  }

  /** Takes the edits back. */
  async restore(edits: readonly Edit[]): Promise<void> {
    for (const { file } of edits) {
      const text = this.#sources.get(file);
      if (text !== undefined) await Deno.writeTextFile(`${this.directory}/${file}`, text);
    }
  }

  /** Removes the copy. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}
