/**
 * The witness by itself: what it knows after a loss of power, and when it is flushed.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Clock } from "../../../raft/node/clock.ts";
import { makeFileId } from "../../../raft/storage/record.ts";
import { flushDelayMs, readWitness, Witness, type WitnessNote } from "../../../raft/storage/witness.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { stillClock } from "./samples.ts";

function note(batch: number): WitnessNote {
  const hardState = { currentTerm: 2 ** 34 + batch, votedFor: batch % 2 === 0 ? null : "nö#17" };
  const last = { index: 2 ** 40 + batch, term: 2 ** 33 };
  return { batch, fileId: makeFileId(1, 2), checksum: batch * 7, last, hardState };
}

async function newestIn(files: Map<string, Uint8Array>): Promise<WitnessNote | null> {
  const fileSystem = MemoryFileSystem.of(files);
  return await readWitness(fileSystem, await fileSystem.list(), "directory");
}

function fail(error: unknown): never {
  throw error;
}

async function open(fileSystem: MemoryFileSystem, first: WitnessNote, clock = stillClock): Promise<Witness> {
  return await Witness.open(fileSystem, await fileSystem.list(), "directory", first, clock, fail);
}

/** Lets every write that was begun come to its end. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a new witness is durable with its first note, and an opened one with the note it was opened with", async () => {
  const fileSystem = new MemoryFileSystem();
  await (await open(fileSystem, note(1))).close(false);
  assertEquals(await newestIn(fileSystem.afterPowerLoss(() => false)), note(1));
  await (await open(fileSystem, note(4))).close(false);
  assertEquals(await newestIn(fileSystem.afterPowerLoss(() => false)), note(4));
});

Deno.test("a note is there at once for whoever only kills the process", async () => {
  const fileSystem = new MemoryFileSystem();
  const witness = await open(fileSystem, note(1));
  for (let batch = 2; batch <= 9; batch++) {
    witness.note(note(batch));
    await settled();
    assertEquals(await newestIn(fileSystem.snapshot()), note(batch));
  }
  await witness.close(false);
});

Deno.test("whatever a loss of power does to unflushed notes, the note flushed last remains", async () => {
  const fileSystem = new MemoryFileSystem();
  const witness = await open(fileSystem, note(1));
  let flushed = 1;
  for (let batch = 2; batch <= 40; batch++) {
    witness.note(note(batch));
    await settled();
    // The sectors of all unflushed notes turn into garbage: a torn write at its worst.
    const durable = fileSystem.afterPowerLoss(() => false).get("witness") ?? new Uint8Array(0);
    const torn = (fileSystem.afterPowerLoss(() => true).get("witness") ?? new Uint8Array(0)).map((byte, at) =>
      byte === durable[at] ? byte : byte ^ 0x5a
    );
    assertEquals((await newestIn(new Map([["witness", torn]])))?.batch, flushed, `after note ${batch}`);
    if (batch % 3 === 0) {
      await witness.flush();
      flushed = batch;
    }
  }
  await witness.close(true);
  assertEquals(await newestIn(fileSystem.afterPowerLoss(() => false)), note(40));
});

Deno.test("the first unflushed note starts the timer, which flushes those that came until then", async () => {
  const timers: { readonly delayMs: number; readonly callback: () => void }[] = [];
  const clock: Clock = {
    ...stillClock,
    after: (delayMs, callback) => {
      timers.push({ delayMs, callback });
      return { cancel: () => {} };
    },
  };
  const fileSystem = new MemoryFileSystem();
  const witness = await open(fileSystem, note(1), clock);
  witness.note(note(2));
  witness.note(note(3));
  assertEquals(timers.map(({ delayMs }) => delayMs), [flushDelayMs]);
  timers[0]?.callback();
  await settled();
  assertEquals(await newestIn(fileSystem.afterPowerLoss(() => false)), note(3));
  witness.note(note(4));
  assert(timers.length === 2);
  await witness.close(true);
});
