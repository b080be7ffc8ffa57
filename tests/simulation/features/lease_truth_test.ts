/**
 * The second reading of the rules of leases agrees with the machine, and tells when a machine does otherwise.
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { KvCommand } from "../../../kv/commands.ts";
import type { KeyWrite, Operation } from "../../../kv/operations.ts";
import { type KvResult, KvStateMachine } from "../../../kv/state_machine.ts";
import { LeaseTruth } from "./lease_truth.ts";

class Scene {
  readonly machine = new KvStateMachine();
  readonly truth = new LeaseTruth("lease/");
  #index = 1;
  #serial = 0;

  constructor() {
    this.machine.apply({ kind: "openSession" }, { index: 1, term: 1, clusterTimeMs: 0 });
  }

  write(clusterTimeMs: number, operation: Operation, change?: (result: KvResult) => KvResult): string | null {
    const serialNumber = ++this.#serial;
    const command = { kind: "write", sessionId: 1, serialNumber, lowestOutstanding: serialNumber, operation } as const;
    return this.apply(clusterTimeMs, command, change);
  }

  apply(clusterTimeMs: number, command: KvCommand, change = (result: KvResult) => result): string | null {
    const context = { index: ++this.#index, term: 1, clusterTimeMs };
    const result = change(this.machine.apply(command, context));
    const execution = { replica: "n1#1", previousIndex: null, command, context, result, hashBefore: null };
    return this.truth.executed(this.machine, { ...execution, hashAfter: "" });
  }
}

const expire = { kind: "expireLeases" } as const;

/** A lease of 100 ms from time 0 on, with the key "lease/a" and, if asked for, "lease/b". */
function scene(...more: readonly "b"[]): Scene {
  const scene = new Scene();
  assertEquals(scene.write(0, { kind: "grantLease", ttlMs: 100 }), null);
  for (const name of ["a", ...more]) {
    assertEquals(scene.write(1, { kind: "putWithLease", key: `lease/${name}`, value: "x", lease: 2 }), null);
  }
  return scene;
}

Deno.test("what the machine does is what the truth says, up to the end of a lease and behind it", () => {
  const good = scene("b");
  const writes: readonly (readonly [number, Operation])[] = [
    [50, { kind: "keepLeaseAlive", lease: 2 }],
    [100, { kind: "put", key: "lease/b", value: "free" }],
    [149, { kind: "append", key: "lease/a", value: "y" }],
    [150, { kind: "keepLeaseAlive", lease: 2 }],
    [150, { kind: "putWithLease", key: "lease/c", value: "x", lease: 2 }],
  ];
  for (const [atMs, operation] of writes) assertEquals(good.write(atMs, operation), null);
  assertEquals(good.apply(150, expire), null);
  assertEquals(good.truth.expiredKeys, 1);
  const both: KeyWrite[] = [{ kind: "put", key: "lease/b", value: "z" }, {
    kind: "putWithLease",
    key: "lease/b",
    value: "z",
    lease: 2,
  }];
  assertEquals(good.write(151, { kind: "transaction", comparisons: [], then: both, else: [] }), null);
  assertEquals(good.write(152, { kind: "revokeLease", lease: 2 }), null);
});

Deno.test("an outcome, keys and leases that are not what they should be are named", () => {
  const done = (): KvResult => ({ kind: "done", number: 0 });
  assertMatch(
    scene().write(100, { kind: "keepLeaseAlive", lease: 2 }, done) ?? "",
    /should be .*unknownLease/,
  );
  assertMatch(scene().write(99, { kind: "revokeLease", lease: 2 }, done) ?? "", /should be .*"number":1/);
  assertMatch(scene().apply(100, expire, done) ?? "", /ends leases 2; what came of it is/);

  const stray = scene();
  stray.machine.apply(
    { kind: "sessionlessWrite", operation: { kind: "putIfVersion", key: "lease/z", value: "", version: 0 } },
    { index: 99, term: 1, clusterTimeMs: 1 },
  );
  assertMatch(stray.write(2, { kind: "keepLeaseAlive", lease: 2 }) ?? "", /there are the keys \[.*lease\/z=/);

  const renewed = scene();
  renewed.machine.apply(
    {
      kind: "write",
      sessionId: 1,
      serialNumber: 50,
      lowestOutstanding: 1,
      operation: { kind: "keepLeaseAlive", lease: 2 },
    },
    { index: 99, term: 1, clusterTimeMs: 60 },
  );
  assertMatch(renewed.write(60, { kind: "put", key: "lease/a", value: "" }) ?? "", /lease 2 is .*"remainingMs":100/);
});
