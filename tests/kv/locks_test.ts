import { assert, assertEquals } from "@std/assert";
import { LockTable } from "../../kv/locks.ts";

const done = (number: number) => ({ kind: "done" as const, number });
const notHeld = { kind: "lockNotHeld" } as const;

Deno.test("LockTable: one holder at a time; tokens are those of the entries", () => {
  const locks = new LockTable();
  assertEquals(locks.acquire("a", 1000, 5, 0), done(5));
  assertEquals(locks.acquire("a", 1000, 6, 10), { kind: "lockHeld", remainingMs: 990 });
  assertEquals(locks.acquire("b", 1000, 7, 10), done(7));
  assertEquals(locks.release("a", 6, 20), notHeld);
  assertEquals(locks.release("a", 5, 20), done(0));
  assertEquals(locks.release("a", 5, 20), notHeld);
  assertEquals(locks.acquire("a", 1000, 8, 20), done(8));
  assertEquals([locks.held("a", 20)?.token, locks.held("b", 20)?.token, locks.held("c", 20)], [8, 7, null]);
});

Deno.test("LockTable: a lease ends by cluster time, to the millisecond, and can be renewed until then", () => {
  const locks = new LockTable();
  locks.acquire("a", 1000, 1, 0);
  assertEquals(locks.renew("a", 1, 999), done(0));
  assertEquals(locks.renew("a", 2, 999), notHeld);
  assertEquals(locks.acquire("a", 500, 2, 1998), { kind: "lockHeld", remainingMs: 1 });
  assertEquals(locks.held("a", 1999), null);
  assertEquals(locks.renew("a", 1, 1999), notHeld);
  assertEquals(locks.release("a", 1, 1999), notHeld);
  assertEquals(locks.acquire("a", 500, 3, 1999), done(3));
  assertEquals(locks.renew("a", 1, 2000), notHeld);
  assertEquals(locks.held("a", 2498)?.token, 3);
  assertEquals(locks.held("a", 2499), null);
});

Deno.test("LockTable: full of held locks it refuses, and those whose leases have ended make room", () => {
  const locks = new LockTable({ maxLocks: 100 });
  for (let n = 1; n <= 100; n++) assertEquals(locks.acquire(`l${n}`, n <= 50 ? 100 : 1000, n, 0), done(n));
  assertEquals(locks.acquire("more", 100, 101, 99), { kind: "storeFull" });
  assertEquals(locks.acquire("l1", 100, 101, 99).kind, "lockHeld");
  for (let n = 1; n <= 50; n++) assertEquals(locks.acquire(`m${n}`, 1000, 100 + n, 100), done(100 + n));
  assertEquals(locks.acquire("more", 100, 200, 100), { kind: "storeFull" });
  assertEquals(locks.acquire("more", 100, 200, 999), { kind: "storeFull" });
  assertEquals([...locks.freeze(100)].length, 100);
  assertEquals([...locks.freeze(1000)].map(({ name }) => name), [...locks.freeze(1000)].map(({ name }) => name).sort());
  assertEquals([...locks.freeze(1000)].length, 50);
  assertEquals(locks.acquire("more", 1000, 201, 1000), done(201));
});

Deno.test("LockTable: whether ended leases were swept out or not shows nowhere", () => {
  const busy = new LockTable();
  for (let n = 1; n <= 1000; n++) busy.acquire(`l${n}`, 100, n, n);
  const reloaded = new LockTable();
  for (const lock of busy.freeze(1000)) reloaded.load(lock);
  assertEquals([...busy.freeze(1000)], [...reloaded.freeze(1000)]);
  assert([...busy.freeze(1000)].length === 100);
  for (let n = 1; n <= 1000; n++) {
    assertEquals(busy.acquire(`l${n}`, 100, 1000 + n, 1040), reloaded.acquire(`l${n}`, 100, 1000 + n, 1040), `l${n}`);
  }
});
