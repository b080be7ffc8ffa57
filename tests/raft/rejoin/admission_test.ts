/**
 * The door: who may speak under which identity, and when a node may begin.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { DirectoryStamp } from "../../../raft/core/types.ts";
import { RetiredError } from "../../../raft/mod.ts";
import { Admission } from "../../../raft/rejoin/admission.ts";
import { FileStorage } from "../../../raft/storage/file_storage.ts";
import type { Hello, HelloReply } from "../../../raft/wire/hello.ts";
import { MemoryFileSystem } from "../storage/memory_file_system.ts";
import { stillClock } from "../storage/samples.ts";

const others = ["n2", "n3"];

async function openDoor(fileSystem: MemoryFileSystem) {
  const storage = await FileStorage.open({
    ...{ fileSystem, clusterId: "c", nodeId: "n1", clock: stillClock },
    initialConfiguration: { voters: ["n1", "n2", "n3"], outgoing: [], learners: [] },
  });
  return { storage, admission: new Admission({ card: storage.card, isNew: storage.isNew, others }) };
}

function stamp(directoryId: string, generation = 1, opening = "o"): DirectoryStamp {
  return { directoryId, generation, opening };
}

function hello(nodeId: string, from: DirectoryStamp): Hello {
  return { clusterId: "c", role: "peer", nodeId, targetNodeId: "n1", stamp: from };
}

Deno.test("a new node may begin once every other member has been met, durably, and so after a restart", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    const { storage, admission } = await openDoor(fileSystem);
    assertEquals(admission.isFounded, false);
    assertEquals(await admission.admit(hello("n2", stamp("two"))), null);
    assertEquals([admission.isFounded, admission.isEager], [false, true]);
    const reply: HelloReply = { clusterId: "c", nodeId: "n3", errorCode: "", message: "" };
    const knowledge = { stamp: stamp("three"), leader: "", member: "" };
    assertEquals(await admission.judgeReply({ ...reply, knowledge }), null);
    assertEquals([admission.isFounded, admission.isEager], [true, false]);
    await admission.founded;
    await storage[Symbol.asyncDispose]();
  }
  const { storage, admission } = await openDoor(fileSystem);
  assertEquals(admission.isFounded, true);
  await storage[Symbol.asyncDispose]();
});

Deno.test("another directory and an older copy are refused, also when they come while the first is being noted", async () => {
  const { storage, admission } = await openDoor(new MemoryFileSystem());
  const first = admission.admit(hello("n2", stamp("two", 3)));
  const second = await admission.admit(hello("n2", stamp("other")));
  assertEquals([second?.errorCode, await first], ["retired", null]);
  assertStringIncludes(second?.message ?? "", "another directory");
  assertEquals(await admission.admit(hello("n2", stamp("two", 3))), null);
  assertEquals(await admission.admit(hello("n2", stamp("two", 4, "p"))), null);
  for (const older of [stamp("two", 3), stamp("two", 4, "q"), stamp("two", 1, "r")]) {
    const refusal = await admission.admit(hello("n2", older));
    assertStringIncludes(refusal?.message ?? "", "older copy");
  }
  assertEquals(await admission.admit(hello("n2", stamp("two", 5, "s"))), null);
  await storage[Symbol.asyncDispose]();
});

Deno.test("a peer that could not be remembered has not been met, and is remembered the next time", async () => {
  const fileSystem = new MemoryFileSystem();
  const { storage, admission } = await openDoor(fileSystem);
  const breakDisk = (): void => {
    fileSystem.before = () => {
      throw new Error("EIO");
    };
  };
  const mendDisk = (): void => {
    fileSystem.before = () => {};
  };
  breakDisk();
  // The second is not let in on the strength of a first that nobody will remember.
  const attempts = [admission.admit(hello("n2", stamp("two"))), admission.admit(hello("n2", stamp("two")))];
  for (const attempt of await Promise.allSettled(attempts)) assertEquals(attempt.status, "rejected");
  mendDisk();
  assertEquals(await admission.admit(hello("n2", stamp("two"))), null);
  assertEquals(storage.card.peers.get("n2"), stamp("two"));
  assertEquals(await admission.admit(hello("n3", stamp("three"))), null);
  assertEquals(admission.isFounded, true);

  breakDisk();
  await assertRejects(async () => await admission.admit(hello("n2", stamp("two", 2))));
  mendDisk();
  assertEquals(await admission.admit(hello("n2", stamp("two", 1))), null, "that is still what is known of it");
  await storage[Symbol.asyncDispose]();
});

Deno.test("an identity that was replaced is refused, and told by which", async () => {
  const { storage, admission } = await openDoor(new MemoryFileSystem());
  assertEquals(await admission.admit(hello("n2", stamp("two"))), null);
  const configuration = { voters: ["n1", "n2#7", "n3"], outgoing: [], learners: [] };
  admission.observe({ leader: "n3", configuration });
  const refusal = await admission.admit(hello("n2", stamp("two", 2)));
  assertEquals(refusal, { errorCode: "retired", message: "n2 was replaced by n2#7" });
  assertEquals(admission.knowledge(hello("n2", stamp("two"))).member, "n2#7");
  assertEquals(admission.knowledge(hello("n2", stamp("two"))).leader, "n3");
  assertEquals(await admission.admit(hello("n2#9", stamp("nine"))), null);
  await storage[Symbol.asyncDispose]();
});

Deno.test("a node that is refused gives its identity up for good", async () => {
  const fileSystem = new MemoryFileSystem();
  const { storage, admission } = await openDoor(fileSystem);
  admission.refused({ clusterId: "c", nodeId: "n2", errorCode: "unknownPeer", message: "who are you?" });
  admission.refused({ clusterId: "c", nodeId: "n2", errorCode: "retired", message: "n1 is an older copy" });
  const error = await admission.retired;
  assertEquals(error instanceof RetiredError, true);
  assertStringIncludes(error.message, "n2 says: n1 is an older copy");
  await storage[Symbol.asyncDispose]();
  const again = await openDoor(fileSystem).then(() => null, (refusal) => refusal);
  assertEquals(again.code, "retired");
});

Deno.test("an identity whose promises were broken is given up at once, and for good before the directory is closed", async () => {
  const fileSystem = new MemoryFileSystem();
  const { storage, admission } = await openDoor(fileSystem);
  const error = admission.giveUp("its log is too short");
  assertEquals(error instanceof RetiredError, true);
  assertStringIncludes(error.message, "Cannot go on as n1: its log is too short");
  assertEquals(admission.isEager, false);
  await storage[Symbol.asyncDispose]();
  const again = await openDoor(fileSystem).then(() => null, (refusal) => refusal);
  assertEquals(again.code, "retired");
});
