/**
 * What every {@link FileSystem} must do, real or simulated.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { FileSystem } from "../../../raft/storage/file_system.ts";
import { pattern } from "./samples.ts";

/** An empty directory, seen twice: as by one process and as by another. */
export interface FileSystemFixture extends AsyncDisposable {
  /** The directory. */
  readonly fileSystem: FileSystem;
  /** The same directory, opened a second time. */
  readonly second: FileSystem;
}

/** Registers the suite under `name`; `create` makes a fixture without files. */
export function fileSystemContract(name: string, create: () => Promise<FileSystemFixture>): void {
  const test = (what: string, run: (fixture: FileSystemFixture) => Promise<void>): void => {
    Deno.test(`${name}: ${what}`, async () => {
      await using fixture = await create();
      await fixture.fileSystem.prepare();
      await run(fixture);
    });
  };
  contentTests(test);
  nameTests(test);
}

type Register = (what: string, run: (fixture: FileSystemFixture) => Promise<void>) => void;

/** Files apart from the one that may carry the lock. */
async function list(fileSystem: FileSystem): Promise<string[]> {
  return (await fileSystem.list()).filter((file) => file !== "lock");
}

function contentTests(test: Register): void {
  test("what is written is read, at any offset, until the end of the file", async ({ fileSystem }) => {
    const file = await fileSystem.open("one", { create: true });
    assertEquals(await file.size(), 0);
    assertEquals(await file.read(0, 10), new Uint8Array(0));
    await file.write(0, pattern(100, 1));
    await file.write(100, pattern(50, 2));
    await file.write(20, pattern(10, 3));
    const expected = new Uint8Array([...pattern(100, 1), ...pattern(50, 2)]);
    expected.set(pattern(10, 3), 20);
    assertEquals(await file.size(), 150);
    assertEquals(await file.read(0, 150), expected);
    assertEquals(await file.read(15, 20), expected.slice(15, 35));
    assertEquals(await file.read(140, 20), expected.slice(140));
    assertEquals(await file.read(200, 20), new Uint8Array(0));
    await file.sync();
    file.close();
  });

  test("large and small transfers may be started at once, and each lands where it belongs", async ({ fileSystem }) => {
    const file = await fileSystem.open("one", { create: true });
    const large = pattern(1_000_000, 1);
    await Promise.all([
      file.write(0, large),
      file.write(1_000_000, pattern(100, 2)),
      file.write(1_000_100, large),
      file.write(2_000_100, pattern(100, 3)),
    ]);
    const [first, second, third, fourth] = await Promise.all([
      file.read(0, 1_000_000),
      file.read(1_000_000, 100),
      file.read(1_000_100, 1_000_000),
      file.read(2_000_100, 100),
    ]);
    assertEquals(first, large);
    assertEquals(second, pattern(100, 2));
    assertEquals(third, large);
    assertEquals(fourth, pattern(100, 3));
    file.close();
  });

  test("bytes may be changed once their write has resolved", async ({ fileSystem }) => {
    const file = await fileSystem.open("one", { create: true });
    const bytes = pattern(100, 1);
    await file.write(0, bytes);
    bytes.fill(0);
    assertEquals(await file.read(0, 100), pattern(100, 1));
    file.close();
  });

  test("a write behind the end leaves zeros in between; truncate cuts and extends", async ({ fileSystem }) => {
    const file = await fileSystem.open("one", { create: true });
    await file.write(8, new Uint8Array([1, 2, 3]));
    assertEquals(await file.read(0, 20), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]));
    await file.truncate(9);
    assertEquals(await file.read(0, 20), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 1]));
    await file.truncate(12);
    assertEquals(await file.read(7, 20), new Uint8Array([0, 1, 0, 0, 0]));
    file.close();
  });
}

function nameTests(test: Register): void {
  test("open finds what is there, and create only makes what is not", async ({ fileSystem }) => {
    await assertRejects(() => fileSystem.open("one"));
    const file = await fileSystem.open("one", { create: true });
    await file.write(0, pattern(10));
    await file.sync();
    file.close();
    await assertRejects(() => fileSystem.open("one", { create: true }));
    const again = await fileSystem.open("one");
    assertEquals(await again.read(0, 100), pattern(10));
    again.close();
  });

  test("names are listed in order; rename replaces, remove removes", async ({ fileSystem }) => {
    for (const [slot, file] of ["b", "c", "a"].entries()) {
      const opened = await fileSystem.open(file, { create: true });
      await opened.write(0, new Uint8Array([slot]));
      await opened.sync();
      opened.close();
    }
    assertEquals(await list(fileSystem), ["a", "b", "c"]);
    await fileSystem.rename("b", "c");
    await fileSystem.remove("a");
    await fileSystem.syncDirectory();
    assertEquals(await list(fileSystem), ["c"]);
    const left = await fileSystem.open("c");
    assertEquals(await left.read(0, 10), new Uint8Array([0]));
    left.close();
    await assertRejects(() => fileSystem.remove("a"));
    await assertRejects(() => fileSystem.rename("a", "d"));
  });

  test("prepare may be repeated and changes no file", async ({ fileSystem }) => {
    const file = await fileSystem.open("one", { create: true });
    file.close();
    await fileSystem.prepare();
    assertEquals(await list(fileSystem), ["one"]);
  });

  test("the lock has one holder, who is named to others, until it is released", async ({ fileSystem, second }) => {
    const lock = await fileSystem.lock();
    const error = await assertRejects(() => second.lock(), Error, `Cannot open data directory ${second.directory}`);
    assert(error instanceof Error && /held by process \d+/.test(error.message), String(error));
    await assertRejects(() => fileSystem.lock(), Error, "held by process");
    lock[Symbol.dispose]();
    lock[Symbol.dispose]();
    const next = await second.lock();
    next[Symbol.dispose]();
  });
}
