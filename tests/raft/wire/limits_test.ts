/** The relations between the limits of the wire, and between them and what must fit. */
import { assert, assertLess, assertLessOrEqual } from "@std/assert";
import { maxItems } from "../../../raft/encoding/cbor.ts";
import { snapshotChunkBytes, wireLimits } from "../../../raft/wire/limits.ts";

const limits = wireLimits;
const mebibyte = 2 ** 20;

Deno.test("limits: frames hold what they are for", () => {
  assertLess(limits.maxHelloFrameBytes, limits.maxClientFrameBytes);
  assertLess(limits.maxClientFrameBytes, limits.maxPeerFrameBytes);
  assertLessOrEqual(limits.maxClientFrameBytes, limits.maxReplyFrameBytes);
  // A request becomes a command, and a command must fit into an AppendEntries with its overhead.
  assertLess(limits.maxClientFrameBytes + 64 * 1024, limits.maxPeerFrameBytes);
  assertLess(snapshotChunkBytes + 64 * 1024, limits.maxPeerFrameBytes);
  // A range of 4 MiB is one reply.
  assertLess(4 * mebibyte + 64 * 1024, limits.maxReplyFrameBytes);
  // The length is an unsigned 32-bit number, and every item has at least a byte.
  assertLess(limits.maxReplyFrameBytes, 2 ** 32);
  assertLess(maxItems, limits.maxClientFrameBytes);
});

Deno.test("limits: queues hold more than one frame", () => {
  assertLess(limits.maxPeerFrameBytes, limits.maxQueuedPeerBytes);
  assertLess(limits.maxClientFrameBytes, limits.maxInflightBytes);
  assertLess(snapshotChunkBytes, limits.maxQueuedReplyBytes);
});

Deno.test("limits: times are in order", () => {
  assertLess(limits.peerKeepaliveMs, limits.keepaliveMs);
  assertLess(limits.peerFrameTimeoutMs, limits.frameTimeoutMs);
  assertLess(2 * limits.keepaliveMs, limits.idleTimeoutMs);
  assertLess(limits.handshakeTimeoutMs, limits.frameTimeoutMs);
  assertLess(limits.peerConnectTimeoutMs, limits.handshakeTimeoutMs);
  assertLess(limits.minReconnectMs, limits.maxReconnectMs);
  assertLessOrEqual(limits.maxReconnectMs, limits.peerConnectTimeoutMs);
  assertLess(limits.drainPollMs, limits.stalledClientTimeoutMs);
});

Deno.test("limits: connections", () => {
  assertLess(limits.connectionsPerAddress, limits.maxConnections);
  for (const [name, limit] of Object.entries(limits)) assert(limit > 0 && Number.isFinite(limit), name);
});
