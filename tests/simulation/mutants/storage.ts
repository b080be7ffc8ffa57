/**
 * Mistakes in stable storage: what a crash takes, and what is found after it.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const wal = "raft/storage/wal.ts";
const recovery = "raft/storage/wal_recovery.ts";
const snapshots = "raft/storage/snapshot_store.ts";
const directory = "raft/storage/open_directory.ts";

/** See the module. */
export const storageMutants: readonly Mutant[] = [
  {
    name: "log-not-synced",
    origin: "paper Figure 2, persistent state",
    file: wal,
    find: "    await this.#file.sync();\n",
    replace: "",
    whyItMatters: "a power cut takes what was acknowledged",
  },
  {
    name: "new-segment-not-synced",
    origin: "fsync(2): the contents of a file and its name are made durable apart",
    file: wal,
    find: "    await file.sync();\n    file.close();",
    replace: "    file.close();",
    whyItMatters: "a power cut leaves a segment without contents",
    focus: "segments",
  },
  {
    name: "new-segment-without-a-durable-name",
    origin: "fsync(2): the contents of a file and its name are made durable apart",
    file: wal,
    find: "  await fileSystem.rename(temporary, name);\n  await fileSystem.syncDirectory();",
    replace: "  await fileSystem.rename(temporary, name);",
    whyItMatters: "a power cut takes the segment with all that was acknowledged in it",
    focus: "segments",
  },
  {
    name: "hard-state-lost-at-a-new-segment",
    origin: "paper Figure 2, persistent state: term and vote",
    knownBug: 17,
    file: wal,
    find: "const opening: WriteBatch = { hardState, logStart: null, entries: batch.entries };",
    replace: "const opening: WriteBatch = { hardState: batch.hardState, logStart: null, entries: batch.entries };",
    // With the one in the commit record nothing would be lost: it is missed at the next start, and the others are asked.
    also: [{
      file: wal,
      find: `const result = { last, hardState };
    appendBatch(records, this.#cbor, preambleBytes, this.#batch + 1`,
      replace: `const result = { last, hardState: batch.hardState };
    appendBatch(records, this.#cbor, preambleBytes, this.#batch + 1`,
    }],
    whyItMatters: "deleting old segments deletes term and vote",
  },
  {
    name: "last-entry-left-out-at-replay",
    origin: "qdrant 2508: the last element; Redis-Raft 14",
    knownBug: 13,
    file: directory,
    find: "const entries: readonly Entry[] = state.suffix.map(({ entry }) => entry);",
    replace: "const entries: readonly Entry[] = state.suffix.slice(0, -1).map(({ entry }) => entry);",
    whyItMatters: "each restart loses an acknowledged entry",
    provokes: ["durable-log"],
  },
  {
    name: "suffix-not-replaced-at-replay",
    origin: "CockroachDB 63302",
    knownBug: 7,
    file: "raft/storage/log_image.ts",
    find: "this.#entries.length = Math.max(0, slot);",
    replace: "if (slot < 0) this.#entries.length = 0;",
    whyItMatters: "a restart brings back what was truncated",
    provokes: ["node-start"],
  },
  {
    name: "torn-tail-refused",
    origin: "a write that a crash cut short was never acknowledged",
    knownBug: 12,
    file: recovery,
    find: "if (number !== newest) throw corruptError",
    replace: "if (number <= newest) throw corruptError",
    // The repair of damaged logs takes it from there: it finds that nothing else is missing and writes the log anew. So the
    // node does start, and what remains of the mistake is that each power cut is told and kept as damage. A check of the data
    // alone never sees that.
    whyItMatters: "each power cut leaves a copy of the log as damaged, and one without repair would keep the node down",
    focus: "segments",
    provokes: ["damage"],
  },
  {
    name: "checksums-not-compared",
    origin: "a torn write holds whatever was there before",
    file: "raft/storage/record.ts",
    find: "if (crc32(bytes.subarray(offset + 4, end)) !== checksum) {",
    replace: "if (checksum === 0) {",
    whyItMatters: "a half-written batch is taken for a whole one",
  },
  {
    name: "replayed-tail-not-made-durable",
    origin: "bytes read back after a process crash may never have left the page cache",
    file: recovery,
    find: "if (log.torn !== null || log.unproven !== null) await file.sync();",
    replace: "if (log.torn !== null) await file.sync();",
    whyItMatters: "what a restarted process counts as durable goes with the next power cut",
  },
  {
    name: "snapshot-not-synced",
    origin: "ALICE (OSDI 2014): rename before fsync; hashicorp/raft 654",
    knownBug: 12,
    file: "raft/storage/snapshot_file.ts",
    find: "      await this.#file.sync();\n",
    replace: "",
    whyItMatters: "a power cut leaves a snapshot without contents, and the log before it is gone",
  },
  {
    name: "unfinished-snapshot-adopted",
    origin: "paper Figure 13: write chunks in order, and wait for the last",
    knownBug: 12,
    file: snapshots,
    find: 'if (!done) return { kind: "partial", nextOffset: receiving.writer.received };',
    replace: 'if (!done && data.length === 0) return { kind: "partial", nextOffset: receiving.writer.received };',
    whyItMatters: "half a snapshot replaces a whole state",
    focus: "chunks",
  },
  {
    name: "snapshot-chunk-at-any-offset",
    origin: "paper Figure 13: write data into the snapshot file at the given offset",
    knownBug: 12,
    file: snapshots,
    find: "if (offset !== nextOffset || crc32(data)",
    replace: "if (offset > nextOffset || crc32(data)",
    whyItMatters: "a repeated chunk stands in the snapshot twice",
    focus: "chunks",
  },
  {
    name: "replaced-log-comes-back",
    origin: "paper Figure 13, receiver 7: discard the entire log",
    knownBug: 12,
    file: directory,
    find: "return { snapshot, suffix: [], replaced: true };",
    replace: "return { snapshot, suffix: [], replaced: false };",
    whyItMatters: "a crash between snapshot and log leaves two that do not fit",
  },
  {
    name: "refused-batch-not-cut-off",
    origin: "a part of a write that found no room is still there; Balsa's own",
    file: wal,
    find: "    await this.#file.truncate(this.#offset);\n",
    replace: "",
    whyItMatters: "the log ends torn in a segment that is not the newest, which is damage",
    focus: "room",
    provokes: ["damage"],
  },
  {
    name: "cut-not-made-durable-before-a-new-segment",
    origin: "a truncation is in the page cache until an fsync; Balsa's own",
    file: wal,
    find: "    if (this.#isCut) await this.#file.sync();\n",
    replace: "",
    whyItMatters: "a power cut brings back what was cut off, in a segment that is not the newest any more",
    focus: "room",
  },
  {
    name: "full-disk-called-written",
    origin: "an error is an error; Balsa's own",
    file: "raft/storage/file_storage.ts",
    find: '    } catch (error) {\n      throw this.#fail("write the log", error);',
    replace:
      '    } catch (error) {\n      if (error instanceof DiskFullError) return;\n      throw this.#fail("write the log", error);',
    whyItMatters: "a node acknowledges what it has no room for",
    focus: "room",
  },
];
