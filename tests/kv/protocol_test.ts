import { assert, assertEquals, assertThrows } from "@std/assert";
import { type CborValue, decodeCbor, encodeCbor } from "../../raft/encoding/cbor.ts";
import {
  counterFromFields,
  type KvReply,
  type KvRequest,
  readResultFromFields,
  replyFromCbor,
  replyToCbor,
  requestFromCbor,
  requestToCbor,
} from "../../kv/protocol.ts";
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
  { kind: "status" },
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
];

const status: KvStatus = {
  id: "n1",
  clusterId: "balsa",
  state: "running",
  role: "leader",
  term: 3,
  leader: "n1",
  commitIndex: 10,
  lastApplied: 10,
  logBytes: 512,
  snapshotIndex: 4,
  snapshotBytes: 100,
  keys: 2,
  storeBytes: 20,
  hash: "00112233aabbccdd",
  sessions: 1,
  connections: 2,
  syncMs: 0.25,
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
  assertEquals(requests.map(requestToCbor).slice(3), [[3, 0, "color"], [3, 1, "color"], [4]]);
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
  ]);
});

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
    write(1, 1, 1, [1, "k"]),
    write(1, 1, 1, [1, "", "v"]),
    write(1, 1, 1, [1, "k", 5]),
    write(1, 1, 1, [1, "k", null]),
    write(1, 1, 1, [1, new Uint8Array(1), "v"]),
    write(1, 1, 1, [1, "k".repeat(4097), "v"]),
    write(1, 1, 1, [1, "k", new Uint8Array(2 ** 20 + 1)]),
    [3, 2, "k"],
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
