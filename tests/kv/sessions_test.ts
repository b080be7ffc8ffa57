import { assert, assertEquals } from "@std/assert";
import { packOutcome, type SessionOptions, SessionTable, unpackOutcome } from "../../kv/sessions.ts";
import type { WriteOutcome } from "../../kv/store.ts";
import { seededRandom } from "./seeded_random.ts";

const written = (version: number): WriteOutcome => ({ kind: "written", version });

/** A table with one session, 1. */
function tableWithSession(options?: SessionOptions): SessionTable {
  const table = new SessionTable(options);
  table.open(1, 0);
  return table;
}

function reload(table: SessionTable, options?: SessionOptions): SessionTable {
  const copy = new SessionTable(options);
  const numbers = [...table.freeze()];
  for (let at = 0; at < numbers.length;) {
    const [id = 0, lastActiveMs = 0, lowest = 0, count = 0] = numbers.slice(at, at + 4);
    assertEquals(copy.load(id, lastActiveMs, lowest, numbers.slice(at + 4, at + 4 + 2 * count)), null);
    at += 4 + 2 * count;
  }
  return copy;
}

Deno.test("SessionTable: a repeated write gets the kept result and is not executed again", () => {
  const table = tableWithSession();
  assertEquals(table.admit(1, 1, 1, 0), null);
  table.keep(1, 1, written(5));
  assertEquals(table.admit(1, 1, 1, 0), written(5));
  assertEquals(table.admit(1, 2, 1, 0), null);
  table.keep(1, 2, { kind: "wrongType" });
  assertEquals(table.admit(1, 1, 1, 0), written(5));
  assertEquals(table.admit(1, 2, 1, 0), { kind: "wrongType" });
});

Deno.test("SessionTable: serials execute in whatever order the log gives", () => {
  const table = tableWithSession();
  for (const serial of [3, 1, 4, 2]) {
    assertEquals(table.admit(1, serial, 1, 0), null);
    table.keep(1, serial, written(serial));
  }
  for (const serial of [1, 2, 3, 4]) assertEquals(table.admit(1, serial, 1, 0), written(serial));
});

Deno.test("SessionTable: results below the lowest outstanding serial are forgotten, and their repeats refused", () => {
  const table = tableWithSession();
  for (let serial = 1; serial <= 10; serial++) {
    table.admit(1, serial, 1, 0);
    table.keep(1, serial, written(serial));
  }
  assertEquals(table.admit(1, 8, 7, 0), written(8));
  assertEquals([...table.freeze()].slice(0, 4), [1, 0, 7, 4]);
  assertEquals(table.admit(1, 6, 7, 0), { kind: "staleSerial" });
  // A delayed command with an older lowestOutstanding brings nothing back.
  assertEquals(table.admit(1, 6, 1, 0), { kind: "staleSerial" });
  // A jump far ahead costs no more than what is kept.
  assertEquals(table.admit(1, 2 ** 47, 2 ** 47, 0), null);
  assertEquals([...table.freeze()].slice(0, 4), [1, 0, 2 ** 47, 0]);
});

Deno.test("SessionTable: a serial too far ahead is refused, so that kept results are bounded", () => {
  const table = tableWithSession({ maxOutstanding: 4 });
  assertEquals(table.admit(1, 5, 1, 0), { kind: "tooManyOutstanding" });
  assertEquals(table.admit(1, 4, 1, 0), null);
  assertEquals(table.admit(1, 5, 2, 0), null);
});

Deno.test("SessionTable: an unknown session executes nothing", () => {
  assertEquals(tableWithSession().admit(2, 1, 1, 0), { kind: "sessionExpired" });
});

Deno.test("SessionTable: sessions idle for longer than the limit leave, active ones stay", () => {
  const table = new SessionTable({ idleMs: 100 });
  table.open(1, 0);
  table.open(2, 10);
  table.open(3, 20);
  table.admit(1, 1, 1, 50);
  table.expire(110);
  assertEquals(table.size, 3, "exactly the limit is not longer than the limit");
  table.expire(111);
  assertEquals(table.admit(2, 1, 1, 111), { kind: "sessionExpired" });
  assertEquals(table.size, 2);
  table.expire(130);
  assertEquals(table.admit(3, 1, 1, 130), { kind: "sessionExpired" });
  assertEquals(table.admit(1, 2, 1, 130), null);
});

Deno.test("SessionTable: when full the one idle longest makes room", () => {
  const table = new SessionTable({ maxSessions: 2 });
  table.open(1, 0);
  table.open(2, 0);
  table.admit(1, 1, 1, 5);
  table.open(3, 6);
  assertEquals(table.size, 2);
  assertEquals(table.admit(2, 1, 1, 7), { kind: "sessionExpired" });
  assertEquals(table.admit(1, 2, 2, 7), null);
});

Deno.test("SessionTable: random commands give equal tables, also when one is reloaded on the way", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const options = { maxSessions: 20, idleMs: 300, maxOutstanding: 16 };
    const random = seededRandom(seed);
    let first = new SessionTable(options);
    const second = new SessionTable(options);
    let now = 0;
    for (let index = 1; index <= 1500; index++) {
      now += Math.floor(random() * 10);
      if (random() < 0.01) first = reload(first, options);
      const roll = random();
      const sessionId = Math.max(1, index - Math.floor(random() * 200));
      const lowest = 1 + Math.floor(random() * 10);
      const serial = lowest + Math.floor(random() * 20);
      const outcomes = [first, second].map((table) => {
        table.expire(now);
        if (roll < 0.1) {
          table.open(index, now);
          return null;
        }
        const outcome = table.admit(sessionId, serial, lowest, now);
        if (outcome === null) table.keep(sessionId, serial, written(index));
        return outcome;
      });
      assertEquals(outcomes[0], outcomes[1], `seed ${seed}, index ${index}`);
    }
    assertEquals(first.freeze(), second.freeze(), `seed ${seed}`);
  }
});

Deno.test("SessionTable: damaged sessions are refused on loading", () => {
  const table = new SessionTable();
  assertEquals(table.load(1, 50, 3, [3, 16, 5, 1]), null);
  assert(table.load(1, 60, 1, [])?.includes("twice"));
  assert(table.load(2, 49, 1, [])?.includes("out of order"));
  assert(table.load(2, 60, 3, [2, 16])?.includes("out of order"));
  assert(table.load(2, 60, 3, [4, 16, 4, 16])?.includes("out of order"));
  assert(table.load(2, 60, 3, [4, 17])?.includes("unknown result"));
  assertEquals(table.size, 1);
});

Deno.test("sessions: packed results come back as they were", () => {
  const outcomes: WriteOutcome[] = [
    written(1),
    written(2 ** 48),
    { kind: "wrongType" },
    { kind: "valueTooLarge" },
    { kind: "storeFull" },
    { kind: "versionMismatch", version: 1 },
    { kind: "versionMismatch", version: 2 ** 48 },
    { kind: "noKey" },
    { kind: "done", number: 0 },
    { kind: "done", number: -1 },
    { kind: "done", number: -(2 ** 48) },
    { kind: "done", number: 2 ** 48 },
    { kind: "notANumber" },
    { kind: "outOfRange" },
    { kind: "operationFailed", position: 0, reason: "wrongType" },
    { kind: "operationFailed", position: 127, reason: "outOfRange" },
    { kind: "lockHeld", remainingMs: 1 },
    { kind: "lockNotHeld" },
    { kind: "unknownLease" },
    { kind: "leaseFull" },
    { kind: "operationFailed", position: 0, reason: "unknownLease" },
    { kind: "operationFailed", position: 127, reason: "leaseFull" },
  ];
  assertEquals(new Set(outcomes.map(packOutcome)).size, outcomes.length);
  for (const outcome of outcomes) assertEquals(unpackOutcome(packOutcome(outcome)), outcome);
  for (const packed of [0, 4, 10, 15, 17, 21, 16 * 7 + 11, 16 * 7 + 12, 16 + 13, -16, -15, 0.5, NaN]) {
    assertEquals(unpackOutcome(packed), null);
  }
});

Deno.test("SessionTable: one session's results are those of a plain table, however far its serials run ahead", () => {
  const random = seededRandom(4);
  const options = { maxOutstanding: 600 };
  let table = tableWithSession(options);
  const kept = new Map<number, WriteOutcome>();
  let lowest = 1;
  for (let round = 0; round < 20_000; round++) {
    if (random() < 0.02) lowest += Math.floor(random() ** 3 * 1500);
    for (const serial of kept.keys()) if (serial < lowest) kept.delete(serial);
    const serial = lowest + Math.floor(random() ** 4 * 700);
    const answer = table.admit(1, serial, lowest, 0);
    const isTooFar = serial - lowest >= 600;
    assertEquals(answer, kept.get(serial) ?? (isTooFar ? { kind: "tooManyOutstanding" } : null));
    if (answer === null) {
      table.keep(1, serial, written(round + 1));
      kept.set(serial, written(round + 1));
    }
    if (random() < 0.01) table = reload(table, options);
  }
  assertEquals([...table.freeze()].slice(2), [
    lowest,
    kept.size,
    ...[...kept].sort(([a], [b]) => a - b).flatMap(([serial, outcome]) => [serial, packOutcome(outcome)]),
  ]);
});

Deno.test("SessionTable: a result further ahead than any may be is refused when it is loaded", () => {
  const table = new SessionTable({ maxOutstanding: 100 });
  assertEquals(table.load(1, 0, 5, [104, packOutcome(written(1))]), null);
  assertEquals(table.load(2, 0, 5, [105, packOutcome(written(1))]), "session 2 has serial 105 out of order");
});
