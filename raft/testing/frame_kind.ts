/**
 * What a frame is for, told from its first bytes: the simulated network treats and counts requests and replies
 * differently, as the course's network does. See `wire/hello.ts`, `wire/message_codec.ts` and `wire/rpc.ts`.
 *
 * @module
 */
import { type ConnectionRole, decodeHello } from "../wire/hello.ts";

/** `request` asks for something, `reply` answers; `other` is a handshake, a ping or unknown. */
export type FrameKind = "request" | "reply" | "other";

/** The frame's length comes first. */
const headerBytes = 4;

/** First byte of an empty CBOR array: a ping. */
const emptyArray = 0x80;

/** Type codes of the messages that answer another one (`wire/message_codec.ts`): PreVoteReply, RequestVoteReply, … */
const replyCodes: ReadonlySet<number> = new Set([2, 4, 6, 8, 11]);

/** The role that a connection's first frame asks for, or null when it is no hello. */
export function roleOfHello(frame: Uint8Array): ConnectionRole | null {
  const outcome = decodeHello(frame.subarray(headerBytes));
  return outcome.kind === "ok" ? outcome.hello.role : null;
}

/** What a frame behind the handshake is for. `isFromInitiator`: whether the side that connected sent it. */
export function kindOfFrame(frame: Uint8Array, role: ConnectionRole | null, isFromInitiator: boolean): FrameKind {
  if (role === null || frame.length <= headerBytes || frame[headerBytes] === emptyArray) return "other";
  if (role !== "peer") return isFromInitiator ? "request" : "reply";
  return replyCodes.has(frame[headerBytes + 1] ?? 0) ? "reply" : "request";
}
