/**
 * What is said before, at and after a write, and what becomes of a leader whose disk is full or does not answer.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import type { Message } from "../../../raft/core/message.ts";
import { Progress } from "../../../raft/core/progress.ts";
import type { PersistBatch } from "../../../raft/core/ready.ts";
import type { EntryId, LogIndex, NodeId } from "../../../raft/core/types.ts";
import { LogWriter } from "../../../raft/node/log_writer.ts";
import { DiskFullError } from "../../../raft/storage/storage.ts";
import { settle } from "./support/manual_clock.ts";

const configuration = { voters: ["n1", "n2", "n3"], outgoing: [], learners: [] };

const vote: Message = { type: "RequestVoteReply", from: "n1", to: "n2", term: 3, voteGranted: true };

function batchUpTo(index: LogIndex): PersistBatch {
  return { hardState: null, logStart: null, entries: [], messagesAfterPersist: [vote], last: { index, term: 3 } };
}

/** What a leader knows of its followers. */
function leadership(matchIndexes: Readonly<Record<NodeId, LogIndex>>): { progress: Map<NodeId, Progress> } {
  const progress = new Map<NodeId, Progress>();
  for (const [id, matchIndex] of Object.entries(matchIndexes)) {
    const one = new Progress(id, matchIndex + 1);
    one.matchIndex = matchIndex;
    progress.set(id, one);
  }
  return { progress };
}

/** A writer on a disk that answers when the test says so. */
function writer(): {
  readonly writer: LogWriter;
  readonly happened: string[];
  readonly answer: (outcome: "written" | Error) => Promise<void>;
} {
  const happened: string[] = [];
  const writes: PromiseWithResolvers<void>[] = [];
  const made = new LogWriter({
    storage: {
      write() {
        happened.push("write");
        const write = Promise.withResolvers<void>();
        writes.push(write);
        return write.promise;
      },
    },
    send: (message) => happened.push(`${message.type} to ${message.to}`),
    onPersisted: (last: EntryId) => happened.push(`persisted ${last.index}`),
    onFailed: (error) => happened.push(`failed: ${error instanceof Error ? error.message : error}`),
    onProblem: (text) => happened.push(`problem: ${text}`),
  });
  async function answer(outcome: "written" | Error): Promise<void> {
    const write = writes.shift();
    if (outcome === "written") write?.resolve();
    else write?.reject(outcome);
    await settle();
  }
  return { writer: made, happened, answer };
}

Deno.test("what a batch promises is said when it is durable, and before the core hears of it", async () => {
  const { writer: log, happened, answer } = writer();
  log.write(batchUpTo(4));
  await settle();
  assertEquals(happened, ["write"]);
  await answer("written");
  assertEquals(happened, ["write", "RequestVoteReply to n2", "persisted 4"]);
  assertEquals(log.writing, null);
});

Deno.test("a write begins behind what is sent in the same turn, which a blocking disk would hold up", async () => {
  const { writer: log, happened } = writer();
  log.write(batchUpTo(4));
  happened.push("sent");
  await settle();
  assertEquals(happened, ["sent", "write"]);
});

Deno.test("there is one write at a time, also while it waits for room", async () => {
  const { writer: log, answer } = writer();
  log.write(batchUpTo(4));
  assertThrows(() => log.write(batchUpTo(5)), Error, "not over");
  await settle();
  await answer(new DiskFullError("no room"));
  assertThrows(() => log.write(batchUpTo(5)), Error, "not over");
});

Deno.test("a write without room is tried once an election timeout until there is some; both is told once", async () => {
  const { writer: log, happened, answer } = writer();
  log.write(batchUpTo(4));
  await settle();
  await answer(new DiskFullError("no room"));
  assertEquals([log.isFull, log.writing], [true, null]);
  log.tick(configuration, null);
  await settle();
  await answer(new DiskFullError("no room"));
  log.tick(configuration, null);
  await settle();
  await answer("written");
  assertEquals(log.isFull, false);
  assertEquals(happened, [
    ...["write", "problem: no room", "write", "write"],
    ...["problem: There is room on the disk again", "RequestVoteReply to n2", "persisted 4"],
  ]);
  log.tick(configuration, null);
  await settle();
  assertEquals(happened.length, 7);
});

Deno.test("any other failure is final: nothing is promised, nothing is tried again", async () => {
  const { writer: log, happened, answer } = writer();
  log.write(batchUpTo(4));
  await settle();
  await answer(new Error("EIO"));
  assertEquals(happened, ["write", "failed: EIO"]);
});

Deno.test("a node that has stopped says nothing of a write that ends later", async () => {
  const { writer: log, happened, answer } = writer();
  log.write(batchUpTo(4));
  await settle();
  log.stop();
  await answer("written");
  assertEquals(happened, ["write"]);
});

Deno.test("a leader without room hands over at once to a voter that has what it could not write", async () => {
  const { writer: log, answer } = writer();
  log.write(batchUpTo(4));
  await settle();
  await answer(new DiskFullError("no room"));
  assertEquals(log.tick(configuration, leadership({ n2: 3, n3: 4 })), "n3");
  assertEquals(log.tick(configuration, leadership({ n2: 3, n3: 3 })), null);
  assertEquals(log.tick(configuration, null), null);
});

Deno.test("a leader whose disk does not answer hands over at the second election timeout, to a voter", async () => {
  const { writer: log, answer } = writer();
  const ahead = leadership({ n2: 3, n3: 9, learner: 9 });
  log.write(batchUpTo(4));
  await settle();
  assertEquals([log.tick(configuration, ahead), log.tick(configuration, ahead)], [null, "n3"]);
  assertEquals(log.tick(configuration, leadership({ n2: 3, n3: 3, learner: 9 })), null);
  await answer("written");
  assertEquals(log.tick(configuration, ahead), null);
  log.write(batchUpTo(5));
  assertEquals(log.tick(configuration, ahead), null);
});
