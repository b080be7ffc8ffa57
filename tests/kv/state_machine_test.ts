import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { commandCodec, type KvCommand } from "../../kv/commands.ts";
import type { Comparison, KeyWrite, Operation } from "../../kv/operations.ts";
import { ShapeError } from "../../kv/shape.ts";
import { type KvResult, KvStateMachine } from "../../kv/state_machine.ts";
import type { Value } from "../../kv/values.ts";
import type { SnapshotSource } from "../../raft/rsm/state_machine.ts";
import { seededRandom } from "./seeded_random.ts";

async function bytesOf(source: SnapshotSource): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.chunks()) chunks.push(chunk);
  source.release();
  return join(chunks);
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

/** The bytes in chunks that are only valid until the next one is asked for. */
async function* cut(bytes: Uint8Array, size: () => number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const chunk = bytes.slice(at, at + Math.max(1, size()));
    at += chunk.length;
    yield chunk;
    chunk.fill(0xff);
  }
}

function randomCommand(random: () => number, index: number): KvCommand {
  if (index <= 3 || random() < 0.02) return { kind: "openSession" };
  if (random() < 0.02) return { kind: "expireLeases" };
  if (random() < 0.02) {
    const operation = { kind: "putIfVersion", key: "s", value: `${index}`, version: Math.floor(random() * 3) } as const;
    return { kind: "sessionlessWrite", operation };
  }
  const lowestOutstanding = 1 + Math.floor(index / 50);
  const key = `k${Math.floor(random() * 300)}`;
  const value = random() < 0.2 ? new Uint8Array([index & 0xff, 2, 3]) : `v${index}é`;
  return {
    kind: "write",
    sessionId: 1 + Math.floor(random() * 3),
    serialNumber: lowestOutstanding + Math.floor(random() * 40),
    lowestOutstanding,
    operation: randomOperation(random, key, value),
  };
}

function randomOperation(random: () => number, key: string, value: Value): Operation {
  const roll = random();
  const pick = (count: number): number => Math.floor(random() * count);
  const write = (): KeyWrite => {
    if (random() < 0.3) return { kind: "delete", key: `k${pick(300)}` };
    if (random() < 0.5) return { kind: "increment", key: `n${pick(5)}`, by: pick(9) - 4 };
    return { kind: random() < 0.5 ? "put" : "append", key: `k${pick(300)}`, value };
  };
  if (roll < 0.1) return { kind: "putIfVersion", key, value, version: pick(4) };
  if (roll < 0.15) return write();
  if (roll < 0.17) return { kind: "deletePrefix", prefix: `k${pick(30)}`, limit: 1 + pick(5) };
  if (roll < 0.25) {
    const comparisons: Comparison[] = random() < 0.5 ? [] : [{ kind: "version", key, version: pick(2) }];
    const writes = (): KeyWrite[] => Array.from({ length: pick(6) }, write);
    return { kind: "transaction", comparisons, then: writes(), else: writes() };
  }
  if (roll < 0.3) {
    const lease = 1 + pick(400);
    if (random() < 0.3) return { kind: "grantLease", ttlMs: 100 + pick(300) };
    if (random() < 0.8) return { kind: "putWithLease", key, value, lease };
    return { kind: random() < 0.5 ? "keepLeaseAlive" : "revokeLease", lease };
  }
  if (roll < 0.35) {
    const name = `lock ${pick(20)}`;
    if (random() < 0.6) return { kind: "acquireLock", name, leaseMs: 100 + pick(400) };
    return { kind: random() < 0.5 ? "renewLock" : "releaseLock", name, token: 1 + pick(3000) };
  }
  return { kind: roll < 0.6 ? "put" : "append", key, value };
}

const contextOf = (index: number): { index: number; term: number; clusterTimeMs: number } => ({
  index,
  term: 1,
  clusterTimeMs: 1_700_000_000_000 + index,
});

/** A machine after `count` random commands. */
function machineAfter(count: number, seed: number): KvStateMachine {
  const random = seededRandom(seed);
  const machine = new KvStateMachine();
  for (let index = 1; index <= count; index++) machine.apply(randomCommand(random, index), contextOf(index));
  return machine;
}

Deno.test("KvStateMachine: a write runs once however often it is in the log", () => {
  const machine = new KvStateMachine();
  assertEquals(machine.apply({ kind: "openSession" }, contextOf(7)), { kind: "sessionOpened", sessionId: 7 });
  const append: KvCommand = {
    kind: "write",
    sessionId: 7,
    serialNumber: 1,
    lowestOutstanding: 1,
    operation: { kind: "append", key: "k", value: "x" },
  };
  for (const index of [8, 9, 10]) {
    assertEquals(machine.apply(append, contextOf(index)), { kind: "written", version: 1 });
  }
  assertEquals(machine.query({ kind: "get", key: "k" }).value, "x");
  assertEquals(machine.apply({ ...append, sessionId: 8 }, contextOf(11)), { kind: "sessionExpired" });
});

Deno.test("KvStateMachine: a repeated putIfVersion is answered like the first in a session, and runs again outside one", () => {
  const machine = new KvStateMachine();
  machine.apply({ kind: "openSession" }, contextOf(1));
  const operation = { kind: "putIfVersion", key: "k", value: "v", version: 0 } as const;
  const write: KvCommand = { kind: "write", sessionId: 1, serialNumber: 1, lowestOutstanding: 1, operation };
  for (const index of [2, 3]) assertEquals(machine.apply(write, contextOf(index)), { kind: "written", version: 1 });
  const mismatch = { kind: "versionMismatch", version: 1 } as const;
  assertEquals(machine.apply({ ...write, serialNumber: 2 }, contextOf(4)), mismatch);
  assertEquals(machine.apply({ kind: "sessionlessWrite", operation }, contextOf(5)), mismatch);
  const next = { kind: "sessionlessWrite", operation: { ...operation, version: 1 } } as const;
  assertEquals(machine.apply(next, contextOf(6)), { kind: "written", version: 2 });
  assertEquals(machine.apply({ ...write, serialNumber: 2 }, contextOf(7)), mismatch, "the kept answer, not a new one");
  assertEquals(machine.figures().sessions, 1);
});

Deno.test("KvStateMachine: locks pass through a snapshot with token and lease, and none may be missing", async () => {
  const machine = new KvStateMachine();
  machine.apply({ kind: "openSession" }, contextOf(1));
  const write = (target: KvStateMachine, serialNumber: number, operation: Operation): KvResult => {
    const command = { kind: "write", sessionId: 1, serialNumber, lowestOutstanding: serialNumber, operation } as const;
    return target.apply(command, contextOf(serialNumber + 1));
  };
  for (let n = 1; n <= 300; n++) {
    write(machine, n, { kind: "acquireLock", name: `l${n}`, leaseMs: n <= 50 ? 100 : 5000 });
  }
  const frames: Uint8Array[] = [];
  const source = machine.snapshot();
  write(machine, 301, { kind: "renewLock", name: "l299", token: 300 });
  for await (const chunk of source.chunks()) frames.push(chunk);
  const again: Uint8Array[] = [];
  for await (const chunk of source.chunks()) again.push(chunk);
  assertEquals(again, frames, "a view can be read twice");
  const restored = new KvStateMachine();
  await restored.restore(cut(join(frames), () => 1000));
  assertEquals(await bytesOf(restored.snapshot()), join(frames));
  assertEquals(restored.query({ kind: "lock", name: "l300" }), { kind: "lock", token: 301, remainingMs: 5000 });
  assertEquals(restored.query({ kind: "lock", name: "l50" }), { kind: "lock", token: 0, remainingMs: 0 });
  for (const target of [machine, restored]) {
    assertEquals(write(target, 302, { kind: "renewLock", name: "l51", token: 52 }), { kind: "done", number: 0 });
    assertEquals(write(target, 303, { kind: "releaseLock", name: "l52", token: 52 }), { kind: "lockNotHeld" });
    assertEquals(write(target, 304, { kind: "acquireLock", name: "l1", leaseMs: 100 }), { kind: "done", number: 305 });
    assertEquals(write(target, 305, { kind: "acquireLock", name: "l53", leaseMs: 100 }).kind, "lockHeld");
  }
  const locksFrames = frames.filter((frame) => frame[5] === 4);
  assertEquals(locksFrames.length, 2);
  for (const missing of locksFrames) {
    const rest = join(frames.filter((frame) => frame !== missing));
    await assertRejects(() => new KvStateMachine().restore(cut(rest, () => 1000)), ShapeError, "locks, but holds");
  }
  const [header, sessions, first, second, end] = frames;
  assert(header && sessions && first && second && end && frames.length === 5);
  for (const order of [[header, sessions, second, first, end], [header, first, second, sessions, end]]) {
    await assertRejects(() => new KvStateMachine().restore(cut(join(order), () => 1000)), ShapeError);
  }
});

Deno.test("KvStateMachine: a snapshot of format 1 opens", async () => {
  const golden =
    "0000000b826862616c73612d6b76010000001f820186656279746573014200ff65636f6c6f72026a626c75652d677265656e0000" +
    "001882028c011b0000018bcfe56805010401100218200301041000000015840302017065333038383537313036353733366166";
  const machine = new KvStateMachine();
  await machine.restore(cut(Uint8Array.fromHex(golden), () => 1000));
  assertEquals(machine.figures(), { keys: 2, storeBytes: 22, sessions: 1, hash: "e3088571065736af" });
  assertEquals(machine.query({ kind: "get", key: "color" }).value, "blue-green");
  const operation = { kind: "append", key: "color", value: "!" } as const;
  const repeat: KvCommand = { kind: "write", sessionId: 1, serialNumber: 2, lowestOutstanding: 1, operation };
  assertEquals(machine.apply(repeat, contextOf(6)), { kind: "written", version: 2 });
  for (const version of ["00", "20"]) {
    const unknown = Uint8Array.fromHex(golden.replace("6b7601", `6b76${version}`));
    await assertRejects(() => new KvStateMachine().restore(cut(unknown, () => 1000)), ShapeError, "reads 1 to");
  }
});

Deno.test("KvStateMachine: a snapshot of format 2 opens, with kept results of every kind and a lock", async () => {
  const golden =
    "0000000b826862616c73612d6b760200000013820186656279746573014200ff616e01622d330000001c82028e011b0000018b" +
    "cfe5680601050138290214031846041859051000000017820484666261636b7570041913881b0000018bcfe57b8c0000001685030201" +
    "703834393332656363393634636437386201";
  const machine = new KvStateMachine();
  await machine.restore(cut(Uint8Array.fromHex(golden), () => 1000));
  assertEquals(machine.figures(), { keys: 2, storeBytes: 10, sessions: 1, hash: "84932ecc964cd78b" });
  assertEquals(machine.query({ kind: "lock", name: "backup" }), { kind: "lock", token: 4, remainingMs: 5000 });
  const kept = [1, 2, 3, 4, 5].map((serialNumber) => {
    const operation = { kind: "delete", key: "n" } as const;
    return machine.apply({ kind: "write", sessionId: 1, serialNumber, lowestOutstanding: 1, operation }, contextOf(7));
  });
  assertEquals(kept, [
    { kind: "done", number: -3 },
    { kind: "versionMismatch", version: 1 },
    { kind: "done", number: 4 },
    { kind: "operationFailed", position: 1, reason: "wrongType" },
    { kind: "written", version: 1 },
  ]);
});

Deno.test("KvStateMachine: index and cluster time pass through a snapshot", async () => {
  const machine = machineAfter(20, 3);
  const lock = { kind: "acquireLock", name: "l", leaseMs: 5000 } as const;
  const lockedAt = contextOf(21);
  const write = { kind: "write", sessionId: 1, serialNumber: 900, lowestOutstanding: 900, operation: lock } as const;
  assertEquals(machine.apply(write, lockedAt), { kind: "done", number: 21 });
  machine.apply({ kind: "openSession" }, { ...contextOf(25), clusterTimeMs: lockedAt.clusterTimeMs + 2000 });
  const restored = new KvStateMachine();
  await restored.restore(cut(await bytesOf(machine.snapshot()), () => 1000));
  assertEquals(restored.history.index, 25);
  assertEquals(restored.query({ kind: "lock", name: "l" }), { kind: "lock", token: 21, remainingMs: 3000 });
});

Deno.test("KvStateMachine: sessions expire by cluster time alone, before the command that finds them idle", () => {
  const machine = new KvStateMachine({ idleMs: 1000 });
  machine.apply({ kind: "openSession" }, { index: 1, term: 1, clusterTimeMs: 5000 });
  const write: KvCommand = {
    kind: "write",
    sessionId: 1,
    serialNumber: 1,
    lowestOutstanding: 1,
    operation: { kind: "put", key: "k", value: "v" },
  };
  assertEquals(machine.apply(write, { index: 2, term: 1, clusterTimeMs: 6000 }).kind, "written");
  assertEquals(machine.apply(write, { index: 3, term: 1, clusterTimeMs: 7001 }).kind, "sessionExpired");
  assertEquals(machine.figures().sessions, 0);
});

Deno.test("KvStateMachine: a restored machine has the same bytes and goes on alike, however the bytes were cut", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const original = machineAfter(2000, seed);
    const bytes = await bytesOf(original.snapshot());
    const random = seededRandom(seed);
    const restored = machineAfter(10, 99);
    await restored.restore(cut(bytes, () => seed === 1 ? 1 : Math.floor(random() * 5000)));
    assertEquals(await bytesOf(restored.snapshot()), bytes, `seed ${seed}`);
    assertEquals(restored.figures(), original.figures());
    for (let index = 2001; index <= 2500; index++) {
      const command = randomCommand(random, index);
      assertEquals(restored.apply(command, contextOf(index)), original.apply(command, contextOf(index)));
    }
    assertEquals(await bytesOf(restored.snapshot()), await bytesOf(original.snapshot()), `seed ${seed}`);
  }
});

Deno.test("KvStateMachine: writes during a snapshot do not show in it", async () => {
  const random = seededRandom(5);
  const machine = machineAfter(3000, 4);
  const expected = await bytesOf(machine.snapshot());
  const source = machine.snapshot();
  const chunks: Uint8Array[] = [];
  let index = 3000;
  for await (const chunk of source.chunks()) {
    chunks.push(chunk);
    for (let n = 0; n < 200; n++) machine.apply(randomCommand(random, ++index), contextOf(index));
  }
  source.release();
  assertEquals(join(chunks), expected);
  assertNotEquals(await bytesOf(machine.snapshot()), expected);
});

Deno.test("KvStateMachine: large values and many keys pass through a snapshot", async () => {
  const machine = new KvStateMachine();
  machine.apply({ kind: "openSession" }, contextOf(1));
  const put = (serialNumber: number, key: string, value: string | Uint8Array): void => {
    const operation = { kind: "put" as const, key, value };
    const command: KvCommand = {
      kind: "write",
      sessionId: 1,
      serialNumber,
      lowestOutstanding: serialNumber,
      operation,
    };
    assertEquals(machine.apply(command, contextOf(serialNumber + 1)).kind, "written");
  };
  for (let n = 1; n <= 20_000; n++) put(n, `key ${n}`, `${n}`);
  put(20_001, "key 5 and large", "é".repeat(512 * 1024));
  put(20_002, "key 7 and large", new Uint8Array(1024 * 1024).fill(3));
  const sizes: number[] = [];
  for await (const chunk of machine.snapshot().chunks()) sizes.push(chunk.length);
  assert(sizes.filter((size) => size > 70_000).length === 2, "only the large values make large slices");
  const restored = new KvStateMachine();
  await restored.restore(cut(await bytesOf(machine.snapshot()), () => 100_000));
  assertEquals(restored.figures(), machine.figures());
});

Deno.test("KvStateMachine: the snapshot of one key and one session is tiny", async () => {
  const machine = machineAfter(1, 1);
  machine.apply({
    kind: "write",
    sessionId: 1,
    serialNumber: 1,
    lowestOutstanding: 1,
    operation: { kind: "put", key: "k", value: "v" },
  }, contextOf(2));
  const { length } = await bytesOf(machine.snapshot());
  assert(length <= 96, `it has ${length} bytes`);
});

Deno.test("KvStateMachine: a damaged snapshot is refused or means the same, and leaves the state alone", async () => {
  const original = machineAfter(60, 3);
  const bytes = await bytesOf(original.snapshot());
  const machine = machineAfter(20, 8);
  const before = machine.figures();
  for (let length = 0; length < bytes.length; length++) {
    await assertRejects(() => machine.restore(cut(bytes.subarray(0, length), () => 997)));
  }
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  await assertRejects(() => machine.restore(cut(longer, () => 997)));
  assertEquals(machine.figures(), before);
  let accepted = 0;
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
    const target = new KvStateMachine();
    try {
      await target.restore(cut(damaged, () => 1 << 20));
    } catch {
      continue;
    }
    // What is not in the hash may pass: the numbers of a session. Entries may not.
    assertEquals(target.figures(), original.figures(), `bit flipped in byte ${at}`);
    accepted++;
  }
  assert(accepted < bytes.length / 4, `${accepted} of ${bytes.length} flips passed`);
});

Deno.test("commands: encode and decode are inverse", () => {
  const random = seededRandom(1);
  for (let index = 1; index <= 500; index++) {
    const command = randomCommand(random, index);
    assertEquals(commandCodec.decode(commandCodec.encode(command)), command);
  }
});

Deno.test("commands: everything but a well-formed command is refused", () => {
  const random = seededRandom(2);
  const good = commandCodec.encode(randomCommand(random, 4));
  for (let length = 0; length < good.length; length++) {
    assertThrows(() => commandCodec.decode(good.subarray(0, length)));
  }
  for (let round = 0; round < 20_000; round++) {
    const bytes = good.slice();
    for (let n = 0; n <= round % 3; n++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    let command: KvCommand;
    try {
      command = commandCodec.decode(bytes);
    } catch {
      continue;
    }
    // What decodes at all is the one encoding of what it decodes to.
    assertEquals(commandCodec.encode(command), bytes);
  }
});
