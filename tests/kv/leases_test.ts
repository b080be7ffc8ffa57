import { assert, assertEquals, assertRejects } from "@std/assert";
import type { KeyWrite, Operation } from "../../kv/operations.ts";
import { ShapeError } from "../../kv/shape.ts";
import { type KvMachineOptions, type KvResult, KvStateMachine } from "../../kv/state_machine.ts";
import { seededRandom } from "./seeded_random.ts";

const startMs = 1_700_000_000_000;
const everything = { isPrefix: true, key: "" };

/** A machine with one session, whose commands come at the time that a test says, counted from the start. */
class TimedMachine {
  machine: KvStateMachine;
  index = 1;
  readonly #options: KvMachineOptions;

  constructor(options: KvMachineOptions = {}) {
    this.#options = options;
    this.machine = new KvStateMachine(options);
    this.machine.apply({ kind: "openSession" }, { index: 1, term: 1, clusterTimeMs: startMs });
  }

  write(atMs: number, operation: Operation): KvResult {
    const serialNumber = ++this.index;
    return this.machine.apply(
      { kind: "write", sessionId: 1, serialNumber, lowestOutstanding: serialNumber, operation },
      { index: this.index, term: 1, clusterTimeMs: startMs + atMs },
    );
  }

  /** Grants a lease and returns its id. */
  grant(atMs: number, ttlMs: number): number {
    assertEquals(this.write(atMs, { kind: "grantLease", ttlMs }), done(this.index));
    return this.index;
  }

  expire(atMs: number): KvResult {
    this.index++;
    return this.machine.apply({ kind: "expireLeases" }, { index: this.index, term: 1, clusterTimeMs: startMs + atMs });
  }

  /** The keys that are there. */
  get keys(): string {
    const range = { kind: "range", prefix: "", from: "", to: null, cursor: null, limit: 1000 } as const;
    const page = this.machine.query({ ...range, reverse: false, keysOnly: true });
    return "kind" in page && page.kind === "range" ? page.entries.map(({ key }) => key).join(" ") : "";
  }

  /** The leases as [id, remaining time, keys]. */
  leasesAt(atMs: number): number[][] {
    const answer = this.machine.query({ kind: "leases", after: 0, limit: 100, nowMs: startMs + atMs });
    return "kind" in answer && answer.kind === "leases"
      ? answer.leases.map(({ id, remainingMs, keys }) => [id, remainingMs, keys])
      : [];
  }

  async snapshot(): Promise<Uint8Array> {
    return new Uint8Array(await new Response(ReadableStream.from(this.machine.snapshot().chunks())).arrayBuffer());
  }

  async restart(): Promise<void> {
    const restored = new KvStateMachine(this.#options);
    await restored.restore(ReadableStream.from([await this.snapshot()]));
    this.machine = restored;
  }
}

const done = (number: number): KvResult => ({ kind: "done", number });
const unknown: KvResult = { kind: "unknownLease" };

function putWith(lease: number, key: string): KeyWrite {
  return { kind: "putWithLease", key, value: "v", lease };
}

Deno.test("leases: their keys go in one entry when they end, in order, and those who watch are told", async () => {
  for (const isRestarted of [false, true]) {
    const timed = new TimedMachine();
    const long = timed.grant(0, 5000);
    const short = timed.grant(0, 1000);
    for (const key of ["b", "a", "c"]) timed.write(10, putWith(short, key));
    timed.write(10, putWith(long, "d"));
    timed.write(10, { kind: "put", key: "free", value: "v" });
    if (isRestarted) await timed.restart();
    assertEquals(timed.leasesAt(500), [[long, 4500, 1], [short, 500, 3]]);
    assertEquals(timed.machine.nextLeaseEndMs(startMs + 10), startMs + 1000);
    assertEquals(timed.expire(999), done(0), "too early");
    assertEquals(timed.keys, "a b c d free");
    assertEquals(timed.expire(1000), done(3));
    assertEquals([timed.keys, timed.leasesAt(1000)], ["d free", [[long, 4000, 1]]]);
    const told = timed.machine.history.read(everything, { index: timed.index, offset: 0 }, 1e6);
    assert(told.kind === "changes");
    assertEquals(told.changes.map(({ key, version }) => [key, version]), [["a", 0], ["b", 0], ["c", 0]]);
    assertEquals(timed.machine.nextLeaseEndMs(startMs + 1000), startMs + 5000);
    assertEquals([timed.expire(9000), timed.keys], [done(1), "free"]);
    assertEquals(timed.machine.nextLeaseEndMs(startMs + 9000), Infinity);
  }
});

Deno.test("leases: one that is over does nothing any more, though its keys are still there", () => {
  const timed = new TimedMachine();
  const lease = timed.grant(0, 1000);
  timed.write(0, putWith(lease, "k"));
  assertEquals(timed.write(900, { kind: "keepLeaseAlive", lease }), done(0));
  assertEquals([timed.write(1899, putWith(lease, "k2")).kind, timed.leasesAt(1899)], ["written", [[lease, 1, 2]]]);
  for (const operation of [putWith(lease, "k3"), { kind: "keepLeaseAlive", lease }, { kind: "revokeLease", lease }]) {
    assertEquals(timed.write(1900, operation as Operation), unknown);
  }
  assertEquals(timed.machine.query({ kind: "lease", lease, nowMs: 0 }), { kind: "lease", lease: null });
  assertEquals([timed.keys, timed.leasesAt(1900)], ["k k2", []]);
  assertEquals([timed.expire(1900), timed.keys], [done(2), ""]);
  assertEquals(timed.write(1900, { kind: "keepLeaseAlive", lease: 999 }), unknown);
});

Deno.test("leases: revoking ends one at once", () => {
  const timed = new TimedMachine();
  const [one, other] = [timed.grant(0, 1000), timed.grant(0, 1000)];
  for (const key of ["b", "a"]) timed.write(0, putWith(one, key));
  timed.write(0, putWith(other, "c"));
  assertEquals([timed.write(1, { kind: "revokeLease", lease: one }), timed.keys], [done(2), "c"]);
  assertEquals(timed.write(1, { kind: "revokeLease", lease: one }), unknown);
});

Deno.test("leases: what ties a key and what frees it", () => {
  const writes: readonly (readonly [Operation, isTied: boolean])[] = [
    [{ kind: "append", key: "k", value: "1" }, true],
    [{ kind: "increment", key: "k", by: 1 }, true],
    [{ kind: "put", key: "k", value: "2" }, false],
    [{ kind: "putIfVersion", key: "k", value: "2", version: 1 }, false],
    [{ kind: "putIfVersion", key: "k", value: "2", version: 9 }, true],
    [{ kind: "delete", key: "k" }, false],
    [{ kind: "deletePrefix", prefix: "k", limit: 9 }, false],
    [{ kind: "transaction", comparisons: [], then: [{ kind: "put", key: "k", value: "3" }], else: [] }, false],
    [{
      kind: "transaction",
      comparisons: [],
      then: [{ kind: "delete", key: "k" }, { kind: "append", key: "bytes", value: "text" }],
      else: [],
    }, true],
  ];
  for (const [operation, isTied] of writes) {
    const timed = new TimedMachine();
    const lease = timed.grant(0, 1000);
    timed.write(0, { kind: "put", key: "bytes", value: new Uint8Array(1) });
    timed.write(0, { ...putWith(lease, "k"), value: "1" } as Operation);
    timed.write(1, operation);
    assertEquals(timed.leasesAt(1), [[lease, 999, isTied ? 1 : 0]], JSON.stringify(operation));
    timed.write(2, { kind: "append", key: "k", value: "0" });
    assertEquals([timed.expire(1000), timed.keys], [done(isTied ? 1 : 0), isTied ? "bytes" : "bytes k"]);
  }
  const timed = new TimedMachine();
  const [one, other] = [timed.grant(0, 1000), timed.grant(0, 2000)];
  timed.write(0, putWith(one, "k"));
  timed.write(0, putWith(other, "k"));
  assertEquals(timed.leasesAt(0), [[one, 1000, 0], [other, 2000, 1]]);
});

Deno.test("leases: a transaction that ties keys does so as a whole or not at all", () => {
  const timed = new TimedMachine({ maxKeysPerLease: 2 });
  const lease = timed.grant(0, 1000);
  const transaction = (...then: KeyWrite[]): Operation => ({ kind: "transaction", comparisons: [], then, else: [] });
  assertEquals(timed.write(0, transaction(putWith(lease, "a"), putWith(77, "b"))), {
    ...{ kind: "operationFailed", position: 1, reason: "unknownLease" },
  });
  assertEquals([timed.keys, timed.leasesAt(0)], ["", [[lease, 1000, 0]]]);
  assertEquals(timed.write(0, transaction(putWith(lease, "a"), putWith(lease, "b"))), done(1));
  assertEquals(timed.write(0, putWith(lease, "c")), { kind: "leaseFull" });
  assertEquals(timed.write(0, putWith(lease, "a")).kind, "written", "it has the key already");
  assertEquals(timed.write(0, transaction({ kind: "delete", key: "a" }, putWith(lease, "c"))), done(1));
  assertEquals([timed.keys, timed.leasesAt(0)], ["b c", [[lease, 1000, 2]]]);
});

Deno.test("leases: limits, and no more keys at once than one command may delete", () => {
  const timed = new TimedMachine({ maxLeases: 4, maxKeysPerLease: 3 });
  const leases = [timed.grant(0, 400), timed.grant(0, 300), timed.grant(0, 200), timed.grant(0, 1000)];
  assertEquals(timed.write(0, { kind: "grantLease", ttlMs: 100 }), { kind: "storeFull" });
  for (const [at, lease] of leases.entries()) timed.write(0, putWith(lease, `k${at}`));
  for (const key of ["x", "y"]) timed.write(0, putWith(leases[1] ?? 0, key));
  assertEquals([timed.expire(500), timed.keys], [done(1), "k0 k1 k3 x y"]);
  assertEquals([timed.expire(500), timed.keys], [done(3), "k0 k3"]);
  assertEquals([timed.expire(500), timed.keys], [done(1), "k3"]);
  assertEquals(timed.expire(500), done(0));
});

Deno.test("leases: a snapshot has them all, the same on replicas that have come another way, and nothing wrong", async () => {
  const random = seededRandom(5);
  const pick = (count: number): number => Math.floor(random() * count);
  const [straight, restarted] = [new TimedMachine(), new TimedMachine()];
  const both = (act: (timed: TimedMachine) => KvResult): void => assertEquals(act(straight), act(restarted));
  for (let round = 0; round < 1500; round++) {
    const [atMs, key, lease] = [10 * round, `k${pick(200)}`, 2 + pick(round + 1)];
    const roll = random();
    if (roll < 0.1) both((timed) => timed.write(atMs, { kind: "grantLease", ttlMs: 500 + round }));
    else if (roll < 0.7) both((timed) => timed.write(atMs, putWith(lease, key)));
    else if (roll < 0.8) both((timed) => timed.write(atMs, { kind: "delete", key }));
    else if (roll < 0.9) both((timed) => timed.write(atMs, { kind: "keepLeaseAlive", lease }));
    else both((timed) => timed.expire(atMs));
    if (round % 100 === 99) {
      await restarted.restart();
      assertEquals(await restarted.snapshot(), await straight.snapshot());
    }
  }
  assert(straight.leasesAt(15_000).length > 10);
  const bytes = await straight.snapshot();
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    const damaged = bytes.slice();
    const at = pick(damaged.length);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << pick(8));
    await new KvStateMachine().restore(ReadableStream.from([damaged])).catch(() => refused++);
  }
  assert(refused > 100, `${refused} of 300`);
});

Deno.test("leases: the snapshot of format 3 opens", async () => {
  const timed = new TimedMachine();
  timed.write(0, { kind: "put", key: "free", value: "é" });
  const lease = timed.grant(5, 60_000);
  timed.write(10, putWith(lease, "tied"));
  timed.write(20, { kind: "acquireLock", name: "backup", leaseMs: 5000 });
  const golden =
    "0000000b826862616c73612d6b76030000001482018664667265650162c3a9647469656401617600000012820286011b0000" +
    "018bcfe56814050105185600000017820484666261636b7570051913881b0000018bcfe57b9c000000108205830319ea601b" +
    "0000018bcfe65265000000098206826474696564030000002289030201706535383464396535303136386133366501051b00" +
    "00018bcfe568140101";
  assertEquals((await timed.snapshot()).toHex(), golden, "and is written the same");
  const opened = new KvStateMachine();
  await opened.restore(ReadableStream.from([Uint8Array.fromHex(golden)]));
  assertEquals(opened.query({ kind: "lease", lease, nowMs: 0 }), {
    ...{ kind: "lease", lease: { id: lease, ttlMs: 60_000, remainingMs: 59_985, keys: 1 } },
  });
  assertEquals(opened.query({ kind: "lock", name: "backup" }), { kind: "lock", token: 5, remainingMs: 5000 });
  assertEquals(opened.history.index, 5);
  await assertRejects(
    () => opened.restore(ReadableStream.from([Uint8Array.fromHex(golden.replace("6b7603", "6b7604"))])),
    ShapeError,
    "reads 1 to 3",
  );
});
