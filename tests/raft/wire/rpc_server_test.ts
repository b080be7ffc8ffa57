/** How a server deals with a client that reads slowly, with the test as the network and the clock. */
import { assert, assertEquals } from "@std/assert";
import type { CborValue } from "../../../raft/encoding/cbor.ts";
import { Connection } from "../../../raft/wire/connection.ts";
import { wireLimits } from "../../../raft/wire/limits.ts";
import { AcceptedConnection } from "../../../raft/wire/listener.ts";
import { readAnyBody, RpcServer } from "../../../raft/wire/rpc.ts";
import { decodeCall, encodeCall } from "../../../raft/wire/rpc_codec.ts";
import { ManualClock } from "./manual_clock.ts";
import { microtasks, ScriptedSocket } from "./scripted_network.ts";

const terms = { maxFrameBytes: 100_000, keepaliveMs: 20_000, idleTimeoutMs: 600_000, frameTimeoutMs: 30_000 };

/** A server with one client; requests wait in `answers`. */
function serve(): { clock: ManualClock; socket: ScriptedSocket; answers: ((reply: CborValue) => void)[] } {
  const clock = new ManualClock();
  const socket = new ScriptedSocket();
  const answers: ((reply: CborValue) => void)[] = [];
  const server = new RpcServer((_request, respond) => answers.push(respond), readAnyBody, { clock });
  const connection = new Connection(socket, clock, wireLimits, { frame: () => {}, closed: () => {} });
  server.accept(new AcceptedConnection(connection, wireLimits, terms, () => {}));
  return { clock, socket, answers };
}

/** The bodies of the replies written so far. */
function bodies(socket: ScriptedSocket): CborValue[] {
  return socket.written.map((frame) => decodeCall(frame.subarray(4), true, readAnyBody).body);
}

Deno.test("rpc server: replies wait while too much is queued, and nothing more is read", () => {
  const { clock, socket, answers } = serve();
  for (const id of [1, 2, 3]) socket.receive(encodeCall(id, null));
  answers[0]?.("first");
  assertEquals(bodies(socket), ["first"]);
  assert(!socket.isPaused);
  socket.queuedBytes = wireLimits.maxQueuedReplyBytes + 1;
  answers[1]?.("second");
  answers[2]?.("third");
  clock.advance(1_000);
  assertEquals(bodies(socket), ["first"]);
  assert(socket.isPaused);
  socket.queuedBytes = 0;
  clock.advance(wireLimits.drainPollMs);
  assertEquals(bodies(socket), ["first", "second", "third"]);
  assert(!socket.isPaused);
});

Deno.test("rpc server: a client that reads a little now and then is kept, one that does not is not", async () => {
  const { clock, socket, answers } = serve();
  socket.receive(encodeCall(1, null));
  socket.queuedBytes = 100 * 2 ** 20;
  answers[0]?.("waits");
  for (let step = 0; step < 20; step++) {
    clock.advance(29_000);
    assertEquals(socket.closeReason, null);
    socket.queuedBytes -= 1;
    clock.advance(wireLimits.drainPollMs);
  }
  clock.advance(31_000);
  assertEquals(socket.closeReason, "it has read no reply for 30000 ms");
  await microtasks();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("rpc server: a second answer to a request is not sent", () => {
  const { socket, answers } = serve();
  socket.receive(encodeCall(1, null));
  answers[0]?.("first");
  answers[0]?.("second");
  assertEquals(bodies(socket), ["first"]);
});

Deno.test("rpc server: a copy of a request that was made on the way is neither executed nor answered", () => {
  const { socket, answers } = serve();
  socket.receive(encodeCall(1, null));
  socket.receive(encodeCall(1, null));
  assertEquals(answers.length, 1, "while the first is under way");
  answers[0]?.("first");
  for (let id = 2; id <= 5_000; id++) socket.receive(encodeCall(id, null));
  assertEquals(answers.length, 5_000);
  socket.receive(encodeCall(4_800, null));
  assertEquals(answers.length, 5_000, "when it has long been answered");
});
