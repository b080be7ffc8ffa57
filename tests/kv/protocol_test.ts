import { assert, assertEquals, assertThrows } from "@std/assert";
import { type CborValue, decodeCbor, encodeCbor } from "../../raft/encoding/cbor.ts";
import {
  answerFromFields,
  counterFromFields,
  type KvReply,
  type KvRequest,
  numberFromFields,
  readResultFromFields,
  readResultsFromFields,
  replyFromCbor,
  replyToCbor,
  requestFromCbor,
  requestToCbor,
} from "../../kv/protocol.ts";
import type { Operation } from "../../kv/operations.ts";
import { answerToCbor, type WideAnswer, type WideQuery } from "../../kv/queries.ts";
import { ShapeError } from "../../kv/shape.ts";
import { type KvStatus, statusFromCbor, statusToCbor } from "../../kv/status.ts";
import { seededRandom } from "./seeded_random.ts";

const requests: readonly KvRequest[] = [
  { kind: "openSession" },
  {
    kind: "write",
    sessionId: 7,
    serialNumber: 9,
    lowestOutstanding: 8,
    operation: { kind: "put", key: "color", value: "blue" },
  },
  {
    kind: "write",
    sessionId: 2 ** 40,
    serialNumber: 1,
    lowestOutstanding: 1,
    operation: { kind: "append", key: "é", value: new Uint8Array([1, 2]) },
  },
  { kind: "read", consistency: "linearizable", key: "color" },
  { kind: "read", consistency: "stale", key: "color" },
  { kind: "read", consistency: "lease", key: "color" },
  { kind: "status" },
  { kind: "sessionlessWrite", operation: { kind: "putIfVersion", key: "color", value: "red", version: 0 } },
  {
    kind: "writes",
    sessionId: 7,
    firstSerial: 9,
    lowestOutstanding: 8,
    operations: [{ kind: "put", key: "a", value: "b" }, { kind: "putIfVersion", key: "c", value: "d", version: 2 }],
  },
  { kind: "reads", consistency: "stale", keys: ["a", "b"] },
  { kind: "reads", consistency: "lease", keys: ["a", "b"] },
  { kind: "watch", selection: { isPrefix: true, key: "" }, from: null, waitMs: 0, maxBytes: 1 },
  { kind: "watch", selection: { isPrefix: false, key: "k" }, from: { index: 7, offset: 3 }, waitMs: 9, maxBytes: 99 },
];

const replies: readonly KvReply[] = [
  { kind: "ok", fields: [5] },
  { kind: "ok", fields: ["value", 1] },
  { kind: "notLeader", leader: null, address: null },
  { kind: "notLeader", leader: "n2", address: "127.0.0.1:7002" },
  { kind: "unknown", message: "m" },
  { kind: "overloaded", message: "m" },
  { kind: "unavailable", message: "m" },
  { kind: "badRequest", message: "m" },
  { kind: "sessionExpired" },
  { kind: "staleSerial" },
  { kind: "tooManyOutstanding" },
  { kind: "wrongType" },
  { kind: "valueTooLarge" },
  { kind: "storeFull" },
  { kind: "versionMismatch", version: 3 },
  { kind: "noKey" },
  { kind: "notANumber" },
  { kind: "outOfRange" },
  { kind: "operationFailed", position: 3, reason: "wrongType" },
  { kind: "operationFailed", position: 127, reason: "outOfRange" },
  { kind: "lockHeld", remainingMs: 900 },
  { kind: "lockNotHeld" },
  { kind: "tooManyWatches", message: "m" },
  { kind: "compacted", firstIndex: 7 },
  { kind: "unknownLease" },
  { kind: "leaseFull" },
  { kind: "operationFailed", position: 127, reason: "leaseFull" },
];

const operations: readonly (readonly [Operation, CborValue])[] = [
  [{ kind: "delete", key: "k" }, [4, "k"]],
  [{ kind: "deletePrefix", prefix: "", limit: 10_000 }, [7, "", 10_000]],
  [{ kind: "increment", key: "k", by: -(2 ** 48) }, [8, "k", -(2 ** 48)]],
  [{ kind: "acquireLock", name: "l", leaseMs: 100 }, [9, "l", 100]],
  [{ kind: "renewLock", name: "l", token: 7 }, [10, "l", 7]],
  [{ kind: "releaseLock", name: "l", token: 7 }, [11, "l", 7]],
  [{ kind: "grantLease", ttlMs: 100 }, [12, 100]],
  [{ kind: "keepLeaseAlive", lease: 7 }, [13, 7]],
  [{ kind: "revokeLease", lease: 7 }, [14, 7]],
  [{ kind: "putWithLease", key: "k", value: "v", lease: 7 }, [15, "k", "v", 7]],
  [{ kind: "transaction", comparisons: [], then: [], else: [] }, [5, [], [], []]],
  [
    {
      kind: "transaction",
      comparisons: [{ kind: "version", key: "a", version: 0 }, { kind: "value", key: "b", value: "x" }],
      then: [{ kind: "put", key: "a", value: "1" }, { kind: "delete", key: "b" }],
      else: [{ kind: "append", key: "c", value: new Uint8Array([1]) }, { kind: "increment", key: "d", by: 1 }],
    },
    [5, [[1, "a", 0], [2, "b", "x"]], [[1, "a", "1"], [4, "b"]], [[2, "c", new Uint8Array([1])], [8, "d", 1]]],
  ],
];

const everything = { prefix: "", from: "", to: null, cursor: null, reverse: false, keysOnly: false } as const;

const queries: readonly (readonly [WideQuery, CborValue])[] = [
  [{ kind: "range", ...everything, limit: 1 }, [1, "", "", null, null, 1, false, false]],
  [
    { kind: "range", prefix: "a", from: "b", to: "c", cursor: "d", limit: 10_000, reverse: true, keysOnly: true },
    [1, "a", "b", "c", "d", 10_000, true, true],
  ],
  [{ kind: "count", prefix: "a", from: "", to: "" }, [2, "a", "", ""]],
  [{ kind: "lock", name: "l" }, [3, "l"]],
];

const status: KvStatus = {
  id: "n1",
  identity: "n1",
  clusterId: "balsa",
  state: "running",
  role: "leader",
  term: 3,
  leader: "n1",
  commitIndex: 10,
  lastApplied: 10,
  agreedIndex: 0,
  logBytes: 512,
  snapshotIndex: 4,
  snapshotBytes: 100,
  keys: 2,
  storeBytes: 20,
  hash: "00112233aabbccdd",
  sessions: 1,
  connections: 2,
  syncMs: 0.25,
  syncP50Ms: 0.25,
  syncP99Ms: 0.5,
  syncMaxMs: 3,
  isDiskFull: false,
  peers: [{ id: "n2", connected: true }, { id: "n3", connected: false }],
};

const overTheWire = (body: CborValue): CborValue => decodeCbor(encodeCbor(body));

Deno.test("protocol: requests, replies and status come back as they were sent", () => {
  for (const request of requests) assertEquals(requestFromCbor(overTheWire(requestToCbor(request))), request);
  for (const reply of replies) assertEquals(replyFromCbor(overTheWire(replyToCbor(reply))), reply);
  assertEquals(statusFromCbor(overTheWire(statusToCbor(status))), status);
});

Deno.test("protocol: the bytes are the ones that its page gives", () => {
  assertEquals(requests.map(requestToCbor).slice(0, 2), [[1], [2, 7, 9, 8, [1, "color", "blue"]]]);
  assertEquals(requests.map(requestToCbor).slice(3), [
    [3, 0, "color"],
    [3, 1, "color"],
    [3, 2, "color"],
    [4],
    [5, [
      3,
      "color",
      "red",
      0,
    ]],
    [20, 7, 9, 8, [[1, "a", "b"], [3, "c", "d", 2]]],
    [21, 1, ["a", "b"]],
    [21, 2, ["a", "b"]],
    [7, true, "", 0, 0, 0, 1],
    [7, false, "k", 7, 3, 9, 99],
  ]);
  assertEquals(replies.map(replyToCbor).slice(-13), [
    [12, 3],
    [13],
    [14],
    [15],
    [16, 3, 9],
    [16, 127, 15],
    [17, 900],
    [18],
    [19, "m"],
    [20, 7],
    [21],
    [22],
    [16, 127, 22],
  ]);
  assertEquals(replies.map((reply) => (replyToCbor(reply) as readonly CborValue[])[0]), [
    0,
    0,
    1,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    16,
  ]);
});

Deno.test("protocol: operations and queries come back as they were sent, in the bytes that their pages give", () => {
  for (const [operation, bytes] of operations) {
    const body = [2, 1, 1, 1, bytes];
    const request = { kind: "write", sessionId: 1, serialNumber: 1, lowestOutstanding: 1, operation } as const;
    assertEquals(requestToCbor(request), body);
    assertEquals(requestFromCbor(overTheWire(body)), request);
  }
  for (const [query, bytes] of queries) {
    for (const [code, consistency] of [[0, "linearizable"], [1, "stale"], [2, "lease"]] as const) {
      assertEquals(requestToCbor({ kind: "query", consistency, query }), [6, code, bytes]);
      assertEquals(requestFromCbor(overTheWire([6, code, bytes])), { kind: "query", consistency, query });
    }
  }
});

Deno.test("protocol: answers to queries come back as they were sent, and nothing else does", () => {
  const [range, keys, count, lock] = queries.map(([query]) => query);
  assert(range !== undefined && keys !== undefined && count !== undefined && lock !== undefined);
  const entry = { key: "k", version: 2, value: new Uint8Array([1]) };
  const answers: readonly (readonly [WideQuery, WideAnswer])[] = [
    [range, { kind: "range", entries: [entry, { ...entry, value: "" }], cursor: "k" }],
    [range, { kind: "range", entries: [], cursor: null }],
    [keys, { kind: "range", entries: [{ ...entry, value: null }], cursor: null }],
    [count, { kind: "count", count: 0 }],
    [lock, { kind: "lock", token: 5, remainingMs: 10 }],
  ];
  for (const [query, answer] of answers) {
    assertEquals(answerFromFields(query, [9, overTheWire(answerToCbor(answer))]), { index: 9, answer });
  }
  const malformed: readonly (readonly [WideQuery, CborValue])[] = [
    [range, null],
    [range, [null]],
    [range, [1, []]],
    [range, [null, ["k", 1]]],
    [range, [null, ["k", 0, "v"]]],
    [range, [null, [1, 1, "v"]]],
    [range, [null, ["k", 1, null]]],
    [keys, [null, ["k", 1, "v"]]],
    [count, [-1]],
    [count, []],
    [lock, [1]],
    [lock, [1, "1"]],
  ];
  for (const [query, body] of malformed) assertThrows(() => answerFromFields(query, [9, body]), ShapeError);
  for (const fields of [[], [1], ["9", [0]], [-1, [0]]]) {
    assertThrows(() => answerFromFields(count, fields), ShapeError);
  }
  for (const fields of [[], ["1"], [0.5], [2 ** 48 + 1], [1, 2]]) {
    assertThrows(() => numberFromFields(fields), ShapeError);
  }
  assertEquals(numberFromFields([-(2 ** 48)]), -(2 ** 48));
});

const malformedOperations: readonly CborValue[] = [
  [4],
  [4, ""],
  [4, "k", "v"],
  [5, [], []],
  [5, [], [], [], []],
  [5, null, [], []],
  [5, [[3, "k", 1]], [], []],
  [5, [[1, "k", -1]], [], []],
  [5, [[1, "", 1]], [], []],
  [5, [[2, "k", 1]], [], []],
  [5, [], [[3, "k", "v", 1]], []],
  [5, [], [[5, [], [], []]], []],
  [5, [], [], [[7, "p", 1]]],
  [5, [], [], [{}]],
  [5, [], Array.from({ length: 65 }, () => [4, "k"]), Array.from({ length: 64 }, () => [4, "k"])],
  [6, "k"],
  [7, "p", 0],
  [7, "p", 10_001],
  [7, "p".repeat(4097), 1],
  [8, "k", 0.5],
  [8, "k", 2 ** 48 + 1],
  [9, "l", 99],
  [9, "l", 3_600_001],
  [9, "", 1000],
  [10, "l", 0],
  [11, "l"],
  [12, "l", 1],
];

Deno.test("protocol: every field of a request is checked", () => {
  const write = (...fields: CborValue[]): CborValue => [2, ...fields];
  const malformed: readonly CborValue[] = [
    null,
    1,
    "x",
    {},
    [{}],
    [[{}]],
    [],
    [0],
    [5],
    ["1"],
    [1, 1],
    [4, 4],
    write(1, 1, 1),
    write(0, 1, 1, [1, "k", "v"]),
    write(1, 1, 0, [1, "k", "v"]),
    write(1, 1, 2, [1, "k", "v"]),
    write({}, 1, 1, [1, "k", "v"]),
    write(1, 1, 1, [{}, "k", "v"]),
    write(1, 2 ** 48 + 1, 1, [1, "k", "v"]),
    write(1, 1.5, 1, [1, "k", "v"]),
    write("1", 1, 1, [1, "k", "v"]),
    write(1, 1, 1, [3, "k", "v"]),
    write(1, 1, 1, [3, "k", "v", -1]),
    write(1, 1, 1, [3, "k", "v", 1, 1]),
    write(1, 1, 1, [1, "k", "v", 1]),
    write(1, 1, 1, [1, "k"]),
    [5, [1, "k", "v"]],
    [5, [3, "k", "v", 1], 1],
    write(1, 1, 1, [1, "", "v"]),
    write(1, 1, 1, [1, "k", 5]),
    write(1, 1, 1, [1, "k", null]),
    write(1, 1, 1, [1, new Uint8Array(1), "v"]),
    write(1, 1, 1, [1, "k".repeat(4097), "v"]),
    write(1, 1, 1, [1, "k", new Uint8Array(2 ** 20 + 1)]),
    ...malformedOperations.map((operation) => write(1, 1, 1, operation)),
    [5, [4, "k"]],
    [6, 0, [1, "", "", null, null, 0, false, false]],
    [6, 0, [1, "", "", null, null, 10_001, false, false]],
    [6, 0, [1, "", "", null, null, 1, 0, false]],
    [6, 0, [1, null, "", null, null, 1, false, false]],
    [6, 3, [2, "", "", null]],
    [6, -1, [2, "", "", null]],
    [6, 0, [2, "", "", null], 1],
    [6, 0, [2, "", ""]],
    [6, 0, [2, "p".repeat(4097), "", null]],
    [6, 0, [3, ""]],
    [6, 0, [4, "l"]],
    [3, 3, "k"],
    [3, 0.5, "k"],
    [3, false, "k"],
    [3, 0, ""],
    [3, 0],
    [3, 0, "k", 1],
  ];
  for (const body of malformed) {
    assertThrows(() => requestFromCbor(overTheWire(body)), ShapeError, undefined, JSON.stringify(body)?.slice(0, 80));
  }
});

Deno.test("protocol: every field of a reply is checked", () => {
  const malformed: readonly CborValue[] = [
    null,
    [],
    [12],
    [12, 0],
    [13, 1],
    [14, 1],
    [16, 0],
    [16, 0, 8],
    [16, -1, 9],
    [17],
    [17, 0],
    [19],
    [-1],
    ["0"],
    [1],
    [1, 2, null],
    [1, null, 2],
    [2],
    [2, 3],
    [5, "m", "m"],
    [6, 1],
  ];
  for (const body of malformed) assertThrows(() => replyFromCbor(overTheWire(body)), ShapeError);
  for (const fields of [[], [0], ["1"], [1, 2]]) assertThrows(() => counterFromFields(fields), ShapeError);
  for (const fields of [[], ["v"], [1, 1], ["v", -1], ["v", "1"]]) {
    assertThrows(() => readResultFromFields(fields), ShapeError);
  }
  for (const items of [[], ["v"], ["v", 1, "w"], ["v", -1], ["v", 1, "w", 1, "x", 1], [1, 1], "v"]) {
    assertThrows(() => readResultsFromFields(2, [items]), ShapeError);
  }
  for (const name of Object.keys(status)) {
    assertThrows(
      () => statusFromCbor({ ...statusToCbor(status) as { [key: string]: CborValue }, [name]: [true] }),
      ShapeError,
    );
  }
});

Deno.test("protocol: random values are refused with a ShapeError or mean what they say", () => {
  const random = seededRandom(11);
  const anything = (depth: number): CborValue => {
    const roll = Math.floor(random() * (depth > 3 ? 6 : 9));
    if (roll === 0) return null;
    if (roll === 1) return random() < 0.5;
    if (roll === 2) return Math.floor(random() * 12);
    if (roll === 3) return -Math.floor(random() * 2 ** 50);
    if (roll === 4) return "k".repeat(Math.floor(random() * 3));
    if (roll === 5) return new Uint8Array(Math.floor(random() * 3));
    if (roll === 6) return { a: anything(depth + 1) };
    return Array.from({ length: Math.floor(random() * 6) }, () => anything(depth + 1));
  };
  const roundTrips: readonly ((body: CborValue) => CborValue)[] = [
    (body) => requestToCbor(requestFromCbor(body)),
    (body) => replyToCbor(replyFromCbor(body)),
  ];
  let accepted = 0;
  for (let round = 0; round < 100_000; round++) {
    const body = random() < 0.5 ? anything(0) : [Math.floor(random() * 5), anything(1), anything(1)];
    for (const roundTrip of roundTrips) {
      let again: CborValue;
      try {
        again = roundTrip(overTheWire(body));
      } catch (error) {
        assert(error instanceof ShapeError, String(error));
        continue;
      }
      accepted++;
      assertEquals(encodeCbor(again), encodeCbor(body));
    }
  }
  assert(accepted > 100, `only ${accepted} were accepted: the test tests nothing`);
});
