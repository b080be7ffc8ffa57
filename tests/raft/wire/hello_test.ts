/** The handshake's two frames: their exact bytes, and what is refused. */
import { assert, assertEquals } from "@std/assert";
import { type CborValue, encodeCbor } from "../../../raft/encoding/cbor.ts";
import { decodeHello, decodeHelloReply, encodeHello, encodeHelloReply } from "../../../raft/wire/hello.ts";
import { SeededRandom } from "../../../raft/testing/seeded_random.ts";
import { mutate } from "../encoding/random_values.ts";

const peer = { clusterId: "balsa", role: "peer", nodeId: "n1", targetNodeId: "n2" } as const;
const client = { clusterId: "", role: "client", nodeId: "", targetNodeId: "" } as const;

/** The kind of outcome for these fields. */
function outcomeOf(...fields: CborValue[]): string {
  return decodeHello(encodeCbor(fields)).kind;
}

Deno.test("hello: comes back as it went", () => {
  for (const hello of [peer, client, { ...client, clusterId: "c", targetNodeId: "n3" }]) {
    assertEquals(decodeHello(encodeHello(hello).subarray(4)), { kind: "ok", hello });
  }
  for (const errorCode of ["", "wrongCluster", "fromTheFuture"]) {
    const reply = { clusterId: "c", nodeId: "n1", errorCode, message: "why" };
    assertEquals(decodeHelloReply(encodeHelloReply(reply).subarray(4)), { kind: "ok", hello: reply });
  }
});

Deno.test("hello: the bytes are those of the format", () => {
  const item = encodeCbor(["balsa", 1, "balsa", "peer", "n1", "n2"]);
  assertEquals(encodeHello(peer).toHex(), `000000${item.length.toString(16)}${item.toHex()}`);
  assertEquals(item.toHex(), "866562616c7361016562616c73616470656572626e31626e32");
  const reply = encodeHelloReply({ clusterId: "c", nodeId: "n1", errorCode: "", message: "" });
  assertEquals(reply.subarray(4), encodeCbor(["balsa", 1, "c", "n1", "", ""]));
});

Deno.test("hello: another protocol is told from another version, whatever that has behind it", () => {
  assertEquals(decodeHello(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")).kind, "foreign");
  assertEquals(outcomeOf("raft", 1, "c", "peer", "n1", "n2"), "foreign");
  assertEquals(outcomeOf("Balsa", 1, "c", "peer", "n1", "n2"), "foreign");
  assertEquals(outcomeOf(1, 2, 3), "foreign");
  assertEquals(outcomeOf("balsa", "1"), "foreign");
  assertEquals(outcomeOf(), "foreign");
  assertEquals(decodeHello(encodeCbor(["balsa", 2])), { kind: "version", version: 2 });
  assertEquals(decodeHello(encodeCbor(["balsa", 7, { new: [1] }, 5])), { kind: "version", version: 7 });
  assertEquals(decodeHello(encodeCbor(["balsa", 0, "c", "peer", "n1", "n2"])), { kind: "version", version: 0 });
});

Deno.test("hello: fields that make no sense are refused", () => {
  const long = "x".repeat(65);
  const cases: CborValue[][] = [
    ["balsa", 1, "c", "peer", "n1"],
    ["balsa", 1, "c", "peer", "n1", "n2", ""],
    ["balsa", 1, "c", "admin", "n1", "n2"],
    ["balsa", 1, "c", "peer", "", "n2"],
    ["balsa", 1, "c", "peer", long, "n2"],
    ["balsa", 1, "c", "peer", "n1", ""],
    ["balsa", 1, "c", "peer", "n1", long],
    ["balsa", 1, "", "peer", "n1", "n2"],
    ["balsa", 1, "c", "client", "n1", ""],
    ["balsa", 1, "c", "client", "", long],
    ["balsa", 1, "c".repeat(129), "client", "", ""],
    ["balsa", 1, 5, "client", "", ""],
    ["balsa", 1, null, "client", "", ""],
  ];
  for (const fields of cases) assertEquals(outcomeOf(...fields), "malformed", JSON.stringify(fields));
  const trailing = new Uint8Array([...encodeHello(peer).subarray(4), 0]);
  assertEquals(decodeHello(trailing).kind, "malformed");
});

Deno.test("hello: a reply needs a name", () => {
  assertEquals(decodeHelloReply(encodeCbor(["balsa", 1, "c", "", "", ""])).kind, "malformed");
});

Deno.test("hello fuzz: damaged hellos are an outcome, never an error", () => {
  const random = new SeededRandom("hello");
  const kinds = new Set<string>();
  for (let round = 0; round < 50_000; round++) {
    const frame = random.chance(0.5)
      ? encodeHello(peer)
      : encodeHelloReply({ ...client, nodeId: "n1", errorCode: "", message: "" });
    const item = mutate(random, frame.subarray(4));
    kinds.add(decodeHello(item).kind);
    kinds.add(decodeHelloReply(item).kind);
  }
  assert(kinds.size === 4, [...kinds].join());
});
