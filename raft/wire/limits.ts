/**
 * Every limit of the wire in one place. The relations between them are asserted in a test; the protocol's own constants
 * (what a foreign implementation must respect) are marked as such.
 *
 * @module
 */

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** What one side of a connection tolerates of the other. Times in milliseconds, sizes in bytes. */
export interface WireLimits {
  /** Longest frame between peers (protocol). Holds a snapshot chunk or a full AppendEntries with room to spare. */
  readonly maxPeerFrameBytes: number;
  /** Longest frame of a client, and of a reply to one (protocol). > the largest value that the store accepts. */
  readonly maxClientFrameBytes: number;
  /** Longest reply to a client (protocol): pages of a range are as long as peers' frames. >= maxClientFrameBytes. */
  readonly maxReplyFrameBytes: number;
  /** Longest first frame, when it is not yet known who speaks (protocol). */
  readonly maxHelloFrameBytes: number;
  /** From the connection to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  /** From the first to the last byte of one frame. */
  readonly frameTimeoutMs: number;
  /**
   * The same between peers. Short, because a damaged length can make the frames that follow look like the rest of one
   * long frame: so long at most is a link deaf then. Enough for the longest frame at 1.4 MB/s.
   */
  readonly peerFrameTimeoutMs: number;
  /** A client that has asked nothing for so long is disconnected. */
  readonly idleTimeoutMs: number;
  /** A client or its server sends a ping after so long without sending; twice as long without hearing closes (protocol). */
  readonly keepaliveMs: number;
  /** The same between peers, where a dead connection must be noticed soon after a partition has healed (protocol). */
  readonly peerKeepaliveMs: number;
  /** Connections from one address that is not loopback. */
  readonly connectionsPerAddress: number;
  /** Connections altogether, and from loopback. */
  readonly maxConnections: number;
  /** Requests of one connection that wait for their reply; then the server stops reading from it. */
  readonly maxInflightRequests: number;
  /** Bytes of those requests; then the server stops reading. */
  readonly maxInflightBytes: number;
  /** Bytes of replies queued on one connection; then further replies wait unencoded, and the server stops reading. */
  readonly maxQueuedReplyBytes: number;
  /** A client that takes none of its queued replies for so long is disconnected. */
  readonly stalledClientTimeoutMs: number;
  /** How often a server looks whether a client that was slow has caught up. */
  readonly drainPollMs: number;
  /** Messages queued to a peer while it is being dialled; then the oldest is dropped. */
  readonly maxQueuedPeerMessages: number;
  /** Bytes queued to a peer; then new messages are dropped while connected, the oldest while it is being dialled. */
  readonly maxQueuedPeerBytes: number;
  /** How long dialling a peer may take. */
  readonly peerConnectTimeoutMs: number;
  /** Pause after the first failed dial; doubles with each further one, and half of it is random. */
  readonly minReconnectMs: number;
  /** The longest such pause. */
  readonly maxReconnectMs: number;
}

/** The limits unless told otherwise. */
export const wireLimits: WireLimits = {
  maxPeerFrameBytes: 4 * mebibyte,
  maxClientFrameBytes: 1.5 * mebibyte,
  maxReplyFrameBytes: 8 * mebibyte,
  maxHelloFrameBytes: 4 * kibibyte,
  handshakeTimeoutMs: 5_000,
  frameTimeoutMs: 30_000,
  peerFrameTimeoutMs: 3_000,
  idleTimeoutMs: 600_000,
  keepaliveMs: 20_000,
  peerKeepaliveMs: 1_500,
  connectionsPerAddress: 256,
  maxConnections: 4_096,
  maxInflightRequests: 4_096,
  maxInflightBytes: 64 * mebibyte,
  maxQueuedReplyBytes: 4 * mebibyte,
  stalledClientTimeoutMs: 30_000,
  drainPollMs: 5,
  maxQueuedPeerMessages: 4_096,
  maxQueuedPeerBytes: 64 * mebibyte,
  peerConnectTimeoutMs: 2_000,
  minReconnectMs: 50,
  maxReconnectMs: 1_000,
};

/** Bytes of snapshot in one InstallSnapshot. */
export const snapshotChunkBytes: number = mebibyte;

/** Longest cluster id, in characters (protocol). */
export const maxClusterIdLength = 128;
