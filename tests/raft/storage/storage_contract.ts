/**
 * What every {@link Storage} must do, whatever it is made of.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Entry, HardState } from "../../../raft/core/types.ts";
import { CborWriter } from "../../../raft/encoding/cbor_writer.ts";
import { crc32 } from "../../../raft/encoding/crc32.ts";
import { writeEntry } from "../../../raft/encoding/entry_codec.ts";
import type { Storage } from "../../../raft/storage/storage.ts";
import {
  batch,
  collect,
  command,
  commands,
  configuration,
  inChunks,
  pattern,
  sendChunk,
  snapshotAt,
} from "./samples.ts";

/** A place where storage can be opened, with {@link configuration} as the initial configuration. */
export interface StorageFixture extends AsyncDisposable {
  /** Opens the storage. */
  open(): Promise<Storage>;
  /** Whether what was written is there when it is opened again. */
  readonly durable: boolean;
}

function sizeOf(entries: readonly Entry[]): number {
  const writer = new CborWriter();
  for (const entry of entries) writeEntry(writer, entry);
  return writer.length;
}

function hardStateSize(hardState: HardState): number {
  const writer = new CborWriter();
  writer.value([hardState.currentTerm, hardState.votedFor]);
  return writer.length;
}

const zeroSize = hardStateSize({ currentTerm: 0, votedFor: null });

/** Registers the suite under `name`; `create` makes a fixture without content. */
export function storageContract(name: string, create: () => Promise<StorageFixture>): void {
  const test = (what: string, run: (fixture: StorageFixture) => Promise<void>): void => {
    Deno.test(`${name}: ${what}`, async () => {
      await using fixture = await create();
      await run(fixture);
    });
  };
  stateTests(test);
  snapshotTests(test);
  savingTests(test);
  receiveTests(test);
  installTests(test);
}

type Register = (what: string, run: (fixture: StorageFixture) => Promise<void>) => void;

function stateTests(test: Register): void {
  test("a new node has term 0, no vote, no entries, and the initial configuration", async (fixture) => {
    await using storage = await fixture.open();
    assertEquals(storage.initial.hardState, { currentTerm: 0, votedFor: null });
    assertEquals(storage.initial.snapshot, { last: { index: 0, term: 0 }, configuration });
    assertEquals(storage.initial.entries, []);
    assertEquals(await collect(storage.readSnapshot()), new Uint8Array(0));
    assertEquals(storage.status().logBytes, zeroSize);
    assertEquals(storage.status().snapshotBytes, 0);
  });

  test("what was written is found again, entries of every kind", async (fixture) => {
    const hardState = { currentTerm: 7, votedFor: "n2" };
    const entries: Entry[] = [
      { index: 1, term: 5, kind: "noop", clusterTimeMs: 12 },
      { index: 2, term: 5, kind: "configuration", clusterTimeMs: 13, configuration },
      command(3, 7, pattern(300_000)),
      command(4, 7, new Uint8Array(0)),
    ];
    {
      await using storage = await fixture.open();
      await storage.write(batch(entries.slice(0, 2), { hardState }));
      await storage.write(batch(entries.slice(2)));
      assertEquals(storage.status().logBytes, hardStateSize(hardState) + sizeOf(entries));
    }
    if (!fixture.durable) return;
    await using storage = await fixture.open();
    assertEquals(storage.initial.hardState, hardState);
    assertEquals(storage.initial.entries, entries);
    assertEquals(storage.status().logBytes, hardStateSize(hardState) + sizeOf(entries));
  });

  test("an entry within the log replaces the suffix (paper, section 5.3)", async (fixture) => {
    const entries = [...commands(1, 3, 1), ...commands(4, 5, 2)];
    {
      await using storage = await fixture.open();
      await storage.write(batch(commands(1, 9, 1)));
      await storage.write(batch(commands(4, 5, 2)));
      assertEquals(storage.status().logBytes, zeroSize + sizeOf(entries));
    }
    if (!fixture.durable) return;
    await using storage = await fixture.open();
    assertEquals(storage.initial.entries, entries);
  });

  test("an empty batch is no write, and the initial state is gone with the first write", async (fixture) => {
    await using storage = await fixture.open();
    await storage.write(batch([]));
    assertEquals(storage.initial.entries, []);
    await storage.write(batch(commands(1, 1, 1)));
    assertThrows(() => storage.initial, Error, "before the first write");
  });

  test("entries that would leave a gap are a broken invariant", async (fixture) => {
    await using storage = await fixture.open();
    await assertRejects(() => storage.write(batch(commands(2, 3, 1))), Error, "gap");
  });

  test("logStart: the log begins behind the snapshot, and nothing before or after remains", async (fixture) => {
    {
      await using storage = await fixture.open();
      await storage.write(batch(commands(1, 20, 1)));
      await storage.saveSnapshot(snapshotAt(10, 1), inChunks(pattern(10), 10));
      await storage.write(batch([], { logStart: snapshotAt(10, 1) }));
      assertEquals(storage.status().logBytes, zeroSize);
      await storage.write(batch(commands(11, 12, 3), { hardState: { currentTerm: 3, votedFor: null } }));
    }
    if (!fixture.durable) return;
    await using storage = await fixture.open();
    assertEquals(storage.initial.snapshot.last, { index: 10, term: 1 });
    assertEquals(storage.initial.entries, commands(11, 12, 3));
    assertEquals(storage.initial.hardState.currentTerm, 3);
  });

  test("everything is refused after closing", async (fixture) => {
    const storage = await fixture.open();
    await storage[Symbol.asyncDispose]();
    await assertRejects(() => storage.write(batch(commands(1, 1, 1))), Error, "closed");
  });
}

function snapshotTests(test: Register): void {
  test("a snapshot is read as it was given, whatever its size", async (fixture) => {
    await using storage = await fixture.open();
    await storage.write(batch(commands(1, 9, 1)));
    for (const [slot, size] of [0, 1, 65_535, 65_536, 65_537, 200_000].entries()) {
      const bytes = pattern(size, size);
      const snapshot = snapshotAt(slot + 1, 1);
      await storage.saveSnapshot(snapshot, inChunks(bytes, 7_000));
      assertEquals(await collect(storage.readSnapshot()), bytes);
      assertEquals(storage.status().snapshotBytes, size);
      for (const offset of [0, 1, 65_535, 65_536, size - 1, size]) {
        if (offset < 0 || offset > size) continue;
        const chunk = await storage.readSnapshotChunk(snapshot.last, offset, 70_000);
        assert(chunk !== null);
        assertEquals(chunk.data, bytes.slice(offset, offset + 70_000), `at ${offset} of ${size}`);
        assertEquals(chunk.checksum, crc32(chunk.data));
        assertEquals(chunk.done, offset + chunk.data.length === size);
      }
    }
  });

  test("the newest two snapshots are kept, and the log behind the newest", async (fixture) => {
    {
      await using storage = await fixture.open();
      await storage.write(batch(commands(1, 9, 1)));
      for (const index of [2, 4, 6]) {
        await storage.saveSnapshot(snapshotAt(index, 1), inChunks(pattern(100, index), 30));
      }
      assertEquals(await storage.readSnapshotChunk({ index: 2, term: 1 }, 0, 100), null);
      assertEquals((await storage.readSnapshotChunk({ index: 4, term: 1 }, 0, 100))?.data, pattern(100, 4));
      assertEquals((await storage.readSnapshotChunk({ index: 6, term: 1 }, 0, 100))?.data, pattern(100, 6));
      assertEquals(await storage.readSnapshotChunk({ index: 6, term: 2 }, 0, 100), null);
      assertEquals(storage.status().logBytes, zeroSize + sizeOf(commands(7, 9, 1)));
      await storage.write(batch(commands(8, 11, 2)));
      assertEquals(storage.status().logBytes, zeroSize + sizeOf([...commands(7, 7, 1), ...commands(8, 11, 2)]));
    }
    if (!fixture.durable) return;
    await using storage = await fixture.open();
    assertEquals(storage.initial.snapshot, snapshotAt(6, 1));
    assertEquals(storage.initial.entries, [...commands(7, 7, 1), ...commands(8, 11, 2)]);
    assertEquals((await storage.readSnapshotChunk({ index: 4, term: 1 }, 0, 100))?.data, pattern(100, 4));
  });
}

function savingTests(test: Register): void {
  test("an older snapshot than the newest changes nothing", async (fixture) => {
    await using storage = await fixture.open();
    await storage.write(batch(commands(1, 9, 1)));
    await storage.saveSnapshot(snapshotAt(5, 1), inChunks(pattern(50, 5), 30));
    await storage.saveSnapshot(snapshotAt(3, 1), inChunks(pattern(50, 3), 30));
    assertEquals(await collect(storage.readSnapshot()), pattern(50, 5));
  });

  test("a source that fails leaves no snapshot, and storage that still works", async (fixture) => {
    await using storage = await fixture.open();
    await storage.write(batch(commands(1, 9, 1)));
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* inChunks(pattern(100_000), 50_000);
      throw new Error("the machine has no state to give");
    }
    await assertRejects(() => storage.saveSnapshot(snapshotAt(5, 1), failing()), Error, "no state to give");
    assertEquals(await collect(storage.readSnapshot()), new Uint8Array(0));
    await storage.saveSnapshot(snapshotAt(5, 1), inChunks(pattern(5), 5));
    assertEquals(await collect(storage.readSnapshot()), pattern(5));
  });

  test("a snapshot that is being read outlives the ones that replace it", async (fixture) => {
    await using storage = await fixture.open();
    await storage.write(batch(commands(1, 9, 1)));
    const bytes = pattern(1_200_000);
    await storage.saveSnapshot(snapshotAt(1, 1), inChunks(bytes, 500_000));
    const parts: Uint8Array[] = [];
    for await (const chunk of storage.readSnapshot()) {
      parts.push(chunk);
      // Only the first of each has an effect: after them the one that is read is the third newest.
      await storage.saveSnapshot(snapshotAt(2, 1), inChunks(pattern(3), 3));
      await storage.saveSnapshot(snapshotAt(3, 1), inChunks(pattern(3), 3));
    }
    assertEquals(await collect(parts), bytes);
    assertEquals(await storage.readSnapshotChunk({ index: 1, term: 1 }, 0, 1), null);
  });

  test("writes and snapshots may overlap", async (fixture) => {
    {
      await using storage = await fixture.open();
      await storage.write(batch(commands(1, 9, 1)));
      const saved = storage.saveSnapshot(snapshotAt(5, 1), inChunks(pattern(300_000), 1_000));
      for (let index = 10; index < 60; index++) await storage.write(batch(commands(index, index, 1)));
      await saved;
    }
    if (!fixture.durable) return;
    await using storage = await fixture.open();
    assertEquals(storage.initial.entries, commands(6, 59, 1));
    assertEquals(await collect(storage.readSnapshot()), pattern(300_000));
  });
}

const bytes = pattern(150_000);
const snapshot = snapshotAt(50, 4);

function receiveTests(test: Register): void {
  test("a snapshot arrives in chunks; gaps, repeats and damage change nothing", async (fixture) => {
    {
      await using storage = await fixture.open();
      const send = (from: number, to: number) =>
        sendChunk(storage, snapshot, from, bytes.slice(from, to), to === bytes.length);
      assertEquals(await send(40_000, 80_000), { kind: "partial", nextOffset: 0 });
      assertEquals(await send(0, 40_000), { kind: "partial", nextOffset: 40_000 });
      assertEquals(await send(0, 40_000), { kind: "partial", nextOffset: 40_000 });
      assertEquals(await send(90_000, bytes.length), { kind: "partial", nextOffset: 40_000 });
      const bad = storage.receiveSnapshotChunk(snapshot, 40_000, bytes.slice(40_000, 50_000), 12345, false);
      assertEquals(await bad, { kind: "partial", nextOffset: 40_000 });
      assertEquals(await send(40_000, 40_000), { kind: "partial", nextOffset: 40_000 });
      assertEquals(await send(40_000, 90_000), { kind: "partial", nextOffset: 90_000 });
      assertEquals(await collect(storage.readSnapshot()), new Uint8Array(0));
      assertEquals(await send(90_000, bytes.length), { kind: "complete" });
      assertEquals(await send(90_000, bytes.length), { kind: "complete" }, "a repeat of the last chunk");
      assertEquals(await collect(storage.readSnapshot()), bytes);
      await storage.write(batch(commands(51, 52, 4), { logStart: snapshot }));
    }
    if (!fixture.durable) return;
    await using storage = await fixture.open();
    assertEquals(storage.initial.snapshot, snapshot);
    assertEquals(storage.initial.entries, commands(51, 52, 4));
    assertEquals(await collect(storage.readSnapshot()), bytes);
  });

  test("chunks of another snapshot, or of another transfer of the same one, start over", async (fixture) => {
    await using storage = await fixture.open();
    const other = snapshotAt(60, 4);
    assertEquals(await sendChunk(storage, snapshot, 0, bytes.slice(0, 10), false, "n1 4"), {
      kind: "partial",
      nextOffset: 10,
    });
    assertEquals(await sendChunk(storage, snapshot, 10, bytes.slice(10, 20), false, "n2 5"), {
      kind: "partial",
      nextOffset: 0,
    });
    assertEquals(await sendChunk(storage, snapshot, 0, pattern(20, 9), false, "n2 5"), {
      kind: "partial",
      nextOffset: 20,
    });
    assertEquals(await sendChunk(storage, other, 0, pattern(30, 8), true, "n2 5"), { kind: "complete" });
    assertEquals(await collect(storage.readSnapshot()), pattern(30, 8));
  });
}

function installTests(test: Register): void {
  test("a snapshot ahead of the log replaces it, also when the log could not begin anew", async (fixture) => {
    {
      await using storage = await fixture.open();
      await storage.write(batch(commands(1, 9, 1), { hardState: { currentTerm: 4, votedFor: "n3" } }));
      assertEquals(await sendChunk(storage, snapshot, 0, bytes, true), { kind: "complete" });
      assertEquals(storage.status().logBytes, hardStateSize({ currentTerm: 4, votedFor: "n3" }));
    }
    if (!fixture.durable) return;
    {
      await using storage = await fixture.open();
      assertEquals(storage.initial.snapshot, snapshot);
      assertEquals(storage.initial.entries, []);
      assertEquals(storage.initial.hardState, { currentTerm: 4, votedFor: "n3" });
      await storage.write(batch(commands(51, 53, 4)));
    }
    await using storage = await fixture.open();
    assertEquals(storage.initial.snapshot, snapshot);
    assertEquals(storage.initial.entries, commands(51, 53, 4));
  });

  test("entries behind a received snapshot are kept if the log has its last entry (paper, section 7)", async (fixture) => {
    {
      await using storage = await fixture.open();
      await storage.write(batch(commands(1, 60, 4)));
      await sendChunk(storage, snapshot, 0, bytes, true);
    }
    if (!fixture.durable) return;
    await using storage = await fixture.open();
    assertEquals(storage.initial.snapshot, snapshot);
    assertEquals(storage.initial.entries, commands(51, 60, 4));
  });

  test("entries behind a received snapshot are dropped if the log has another entry there", async (fixture) => {
    {
      await using storage = await fixture.open();
      await storage.write(batch(commands(1, 60, 3)));
      await sendChunk(storage, snapshot, 0, bytes, true);
    }
    if (!fixture.durable) return;
    await using storage = await fixture.open();
    assertEquals(storage.initial.snapshot, snapshot);
    assertEquals(storage.initial.entries, []);
  });
}
