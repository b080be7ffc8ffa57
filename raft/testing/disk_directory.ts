/**
 * A directory of a simulated disk: names are durable after a sync of the directory, whatever was synced of the files.
 *
 * @module
 */
import { type CrashPolicy, type CrashTally, DiskFile } from "./disk_file.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** A change of names. */
type NameChange =
  | { readonly kind: "create"; readonly name: string; readonly file: DiskFile }
  | { readonly kind: "rename"; readonly from: string; readonly to: string; readonly file: DiskFile }
  | { readonly kind: "remove"; readonly name: string };

/** A change that is not synced. */
interface NumberedChange {
  readonly number: number;
  readonly change: NameChange;
}

/** Contents of a directory's files, by name. */
export type DirectoryImage = ReadonlyMap<string, Uint8Array>;

/** Names and the files they stand for. */
export class DiskDirectory {
  #names = new Map<string, DiskFile>();
  #durableNames = new Map<string, DiskFile>();
  #pending: NumberedChange[] = [];
  /** Changes so far. */
  #changes = 0;
  /** The changes up to this one are in #durableNames; #durableChange <= #changes. */
  #durableChange = 0;
  #powerFailures = 0;
  /** The process that has locked it, which lets go when it dies. */
  lockedBy: string | null = null;
  /** Whether it was created. */
  exists = false;

  /** The names, sorted. */
  list(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The file of that name. */
  find(name: string): DiskFile | undefined {
    return this.#names.get(name);
  }

  /** Bytes of all files. */
  get bytes(): number {
    let bytes = 0;
    for (const file of this.#names.values()) bytes += file.size;
    return bytes;
  }

  /** Makes an empty file, unsynced. */
  create(name: string): DiskFile {
    const file = new DiskFile();
    this.#change({ kind: "create", name, file });
    return file;
  }

  /** Renames a file that exists, unsynced. */
  rename(from: string, to: string, file: DiskFile): void {
    this.#change({ kind: "rename", from, to, file });
  }

  /** Removes a name, unsynced. */
  remove(name: string): void {
    this.#change({ kind: "remove", name });
  }

  /** Begins a sync; see {@link DiskFile.beginSync}. */
  beginSync(): () => void {
    const covered = new Map(this.#names);
    const lastChange = this.#changes;
    const powerFailures = this.#powerFailures;
    return () => {
      // A sync that began later may have ended earlier, and then covers this one.
      if (powerFailures !== this.#powerFailures || lastChange <= this.#durableChange) return;
      this.#durableNames = covered;
      this.#durableChange = lastChange;
      this.#pending = this.#pending.filter((change) => change.number > lastChange);
    };
  }

  /** The power fails: names first, then what is left of each file. Adds what became of unsynced changes to `tally`. */
  crash(policy: CrashPolicy, random: SeededRandom, tally: CrashTally): void {
    this.#powerFailures++;
    const files = new Set([...this.#durableNames.values(), ...this.#names.values()]);
    for (const { change } of this.#pending) if (change.kind !== "remove") files.add(change.file);
    const names = new Map(this.#durableNames);
    for (const { change } of this.#survivors(policy, random)) applyChange(names, change);
    this.#pending = [];
    this.#names = names;
    this.#durableNames = new Map(names);
    for (const file of files) {
      const { lost, torn } = file.crash(policy, random);
      tally.lost += lost;
      tally.torn += torn;
    }
  }

  /** A copy of everything, as programs see it. */
  image(): DirectoryImage {
    return new Map(this.list().map((name) => [name, this.#names.get(name)?.read(0, Infinity) ?? new Uint8Array(0)]));
  }

  /** Replaces everything, durably. */
  restore(image: DirectoryImage): void {
    this.exists = true;
    this.#pending = [];
    this.#names = new Map();
    for (const [name, bytes] of image) {
      const file = new DiskFile();
      file.replace(bytes);
      this.#names.set(name, file);
    }
    this.#durableNames = new Map(this.#names);
  }

  #change(change: NameChange): void {
    applyChange(this.#names, change);
    this.#pending.push({ number: ++this.#changes, change });
  }

  #survivors(policy: CrashPolicy, random: SeededRandom): readonly NumberedChange[] {
    switch (policy) {
      case "none":
        return [];
      case "all":
        return this.#pending;
      case "prefix":
        return this.#pending.slice(0, random.integer(this.#pending.length + 1));
      case "random":
        return this.#pending.filter(() => random.chance(0.5));
    }
  }
}

function applyChange(names: Map<string, DiskFile>, change: NameChange): void {
  switch (change.kind) {
    case "create":
      names.set(change.name, change.file);
      return;
    case "rename":
      if (names.get(change.from) === change.file) names.delete(change.from);
      names.set(change.to, change.file);
      return;
    case "remove":
      names.delete(change.name);
      return;
  }
}
