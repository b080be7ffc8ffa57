/**
 * Batches of proposals, and rounds of reads.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { entryOverheadBytes } from "../../../raft/core/log.ts";
import type { RaftEvent } from "../../../raft/core/message.ts";
import { Proposals } from "../../../raft/node/proposals.ts";
import { Reads } from "../../../raft/node/reads.ts";
import { seededRandom } from "./support/cluster.ts";

function batches(sizes: readonly number[]): number[][] {
  const proposals = new Proposals();
  for (const size of sizes) proposals.add(new Uint8Array(size), () => {});
  const stepped: number[][] = [];
  proposals.stepAll(
    (event) => {
      if (event.type === "propose") stepped.push(event.commands.map((command) => command.length));
    },
    0,
    Infinity,
  );
  return stepped;
}

Deno.test("proposals of a turn become one event, unless they are too many or too large", () => {
  const mebibyte = 1024 * 1024;
  assertEquals(batches([]), []);
  assertEquals(batches([1, 2, 3]), [[1, 2, 3]]);
  assertEquals(batches([mebibyte - 1, 1, 1]), [[mebibyte - 1, 1], [1]]);
  assertEquals(batches([1, 3 * mebibyte, 1]), [[1], [3 * mebibyte], [1]]);
  assertEquals(batches(Array.from({ length: 10_000 }, () => 1)).map((batch) => batch.length), [4096, 4096, 1808]);
});

Deno.test("everyone in a batch is told the entry that became theirs", () => {
  const proposals = new Proposals();
  const told: string[] = [];
  for (const name of ["a", "b", "c"]) {
    proposals.add(
      new Uint8Array(),
      (outcome) => told.push(`${name} ${outcome.kind === "accepted" ? outcome.entry.index : outcome.kind}`),
    );
  }
  let id = 0;
  proposals.stepAll((event) => id = event.type === "propose" ? event.proposalId : 0, 0, Infinity);
  proposals.answer({ kind: "accepted", proposalId: id, first: { index: 10, term: 3 }, count: 3 }, null);
  proposals.answer({ kind: "accepted", proposalId: id, first: { index: 10, term: 3 }, count: 3 }, null);
  assertEquals(told, ["a 10", "b 11", "c 12"]);
});

/** Proposals of so many bytes each, and what they were told: their number and the reason for which they were refused. */
function refusals(sizes: readonly number[]): { readonly proposals: Proposals; readonly told: string[] } {
  const proposals = new Proposals();
  const told: string[] = [];
  for (const [position, size] of sizes.entries()) {
    proposals.add(new Uint8Array(size), (outcome) => {
      told.push(`${position} ${outcome.kind === "refused" ? outcome.reason : outcome.kind}`);
    });
  }
  return { proposals, told };
}

Deno.test("what the log has no room for waits, in order; the last that goes may be larger than the room", () => {
  const { proposals } = refusals([100, 100, 5_000, 1]);
  const stepped: number[][] = [];
  const step = (roomBytes: number): number =>
    proposals.stepAll(
      (event) => void (event.type === "propose" && stepped.push(event.commands.map(({ length }) => length))),
      0,
      roomBytes,
    );
  assertEquals([step(0), step(-1)], [0, 0]);
  assertEquals(step(101 + entryOverheadBytes), 2 * (100 + entryOverheadBytes));
  assertEquals(step(1), 5_000 + entryOverheadBytes);
  assertEquals(proposals.hasWaiting, true);
  step(Infinity);
  assertEquals(proposals.hasWaiting, false);
  assertEquals(stepped, [[100, 100], [5_000], [1]]);
});

Deno.test("what has waited for a whole interval is refused as too much, and nothing that came later", () => {
  const { proposals, told } = refusals([1, 1]);
  proposals.refuseOverdue(null);
  proposals.add(new Uint8Array(1), () => told.push("later"));
  assertEquals(told, []);
  proposals.stepAll(() => {}, 0, 1);
  proposals.refuseOverdue(null);
  assertEquals(told, ["1 overloaded"]);
  proposals.refuseOverdue(null);
  assertEquals(told, ["1 overloaded", "later"]);
});

Deno.test("when the node stops, what was stepped is of unknown fate and what was not is refused", () => {
  const proposals = new Proposals();
  const told: string[] = [];
  proposals.add(new Uint8Array(), ({ kind }) => told.push(`stepped ${kind}`));
  proposals.stepAll(() => {}, 0, Infinity);
  proposals.add(new Uint8Array(), ({ kind }) => told.push(`waiting ${kind}`));
  proposals.abandon();
  assertEquals(told, ["waiting refused", "stepped unknown"]);
});

Deno.test("no two rounds have the same context, nor do two processes of one node", () => {
  const contexts = new Set<number>();
  const random = seededRandom(3);
  for (let process = 0; process < 20; process++) {
    const reads = new Reads(random, 100);
    for (let round = 0; round < 1_000; round++) {
      reads.add(() => {}, Infinity);
      reads.stepAll((event: RaftEvent) => event.type === "readIndex" && contexts.add(event.context), 0);
    }
  }
  assertEquals(contexts.size, 20_000);
  for (const context of contexts) assert(Number.isSafeInteger(context) && context > 0 && context <= 2 ** 52);
});
