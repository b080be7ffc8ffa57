/** Entries, configurations and snapshot metadata: their exact bytes, and what is refused. */
import { assertEquals, assertThrows } from "@std/assert";
import type { Configuration, Entry } from "../../../raft/core/types.ts";
import { CborError, type CborValue, encodeCbor } from "../../../raft/encoding/cbor.ts";
import { CborReader } from "../../../raft/encoding/cbor_reader.ts";
import { CborWriter } from "../../../raft/encoding/cbor_writer.ts";
import {
  readConfiguration,
  readEntry,
  readEntryId,
  readSnapshotMeta,
  writeConfiguration,
  writeEntry,
  writeEntryId,
  writeSnapshotMeta,
} from "../../../raft/encoding/entry_codec.ts";

const joint: Configuration = { voters: ["n1", "n2"], outgoing: ["n1", "n3"], learners: ["n4"] };

const entries: readonly Entry[] = [
  { kind: "command", index: 5, term: 2, clusterTimeMs: 1_790_000_000_000, data: Uint8Array.of(1, 2, 3) },
  { kind: "command", index: 2 ** 52, term: 2 ** 52, clusterTimeMs: 0, data: new Uint8Array(0) },
  { kind: "noop", index: 1, term: 1, clusterTimeMs: 9 },
  { kind: "configuration", index: 7, term: 3, clusterTimeMs: 10, configuration: joint },
];

function written(write: (writer: CborWriter) => void): Uint8Array {
  const writer = new CborWriter();
  write(writer);
  return writer.finish();
}

function refuse(read: (reader: CborReader) => unknown, value: CborValue): void {
  assertThrows(() => read(new CborReader(encodeCbor(value))), CborError);
}

Deno.test("entry codec: entries come back", () => {
  for (const entry of entries) {
    const reader = new CborReader(written((writer) => writeEntry(writer, entry)));
    assertEquals(readEntry(reader), entry);
    reader.end();
  }
});

Deno.test("entry codec: the bytes are those of the format", () => {
  const golden: readonly CborValue[] = [
    [5, 2, 0, 1_790_000_000_000, Uint8Array.of(1, 2, 3)],
    [2 ** 52, 2 ** 52, 0, 0, new Uint8Array(0)],
    [1, 1, 1, 9, null],
    [7, 3, 2, 10, [["n1", "n2"], ["n1", "n3"], ["n4"]]],
  ];
  for (const [at, entry] of entries.entries()) {
    assertEquals(written((writer) => writeEntry(writer, entry)), encodeCbor(golden[at] ?? null));
  }
});

Deno.test("entry codec: identities, configurations and snapshots come back", () => {
  const id = { index: 9, term: 4 };
  assertEquals(readEntryId(new CborReader(written((writer) => writeEntryId(writer, id)))), id);
  assertEquals(readConfiguration(new CborReader(written((writer) => writeConfiguration(writer, joint)))), joint);
  const snapshot = { last: id, configuration: joint };
  assertEquals(readSnapshotMeta(new CborReader(written((writer) => writeSnapshotMeta(writer, snapshot)))), snapshot);
});

Deno.test("entry codec: entries that no leader could have written are refused", () => {
  const data = Uint8Array.of(1);
  refuse(readEntry, [0, 1, 0, 0, data]);
  refuse(readEntry, [1, 0, 0, 0, data]);
  refuse(readEntry, [2 ** 52 + 1, 1, 0, 0, data]);
  refuse(readEntry, [1, 2 ** 53 - 1, 0, 0, data]);
  refuse(readEntry, [-1, 1, 0, 0, data]);
  refuse(readEntry, [1, 1, 3, 0, data]);
  refuse(readEntry, [1, 1, 0, -5, data]);
  refuse(readEntry, [1, 1, 0, 0.5, data]);
  refuse(readEntry, [1, 1, 0, 0, "text"]);
  refuse(readEntry, [1, 1, 1, 0, data]);
  refuse(readEntry, [1, 1, 2, 0, null]);
  refuse(readEntry, [1, 1, 0, 0]);
  refuse(readEntry, [1, 1, 0, 0, data, 0]);
});

Deno.test("entry codec: configurations that break their promises are refused", () => {
  refuse(readConfiguration, [[], [], []]);
  refuse(readConfiguration, [["n2", "n1"], [], []]);
  refuse(readConfiguration, [["n1", "n1"], [], []]);
  refuse(readConfiguration, [["n1"], ["n3", "n2"], []]);
  refuse(readConfiguration, [["n1"], [], ["n1"]]);
  refuse(readConfiguration, [[""], [], []]);
  refuse(readConfiguration, [["n".repeat(65)], [], []]);
  refuse(readConfiguration, [["n1"], []]);
  refuse(readConfiguration, [[1], [], []]);
});
