/**
 * How a server is, as its clients are told: a CBOR map with the members of {@link KvStatus} by their names, `peers` being
 * an array of `[id, connected]`. Members may be added; a reader passes over those that it does not know.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { nameOf } from "../raft/mod.ts";
import type { ReplicatedStatus } from "../raft/rsm/rsm.ts";
import { arrayFrom, arrayOf, ShapeError, textFrom, textOrNullFrom } from "./shape.ts";

/** Whether the server has a connection on which it sends to a peer. */
export interface PeerConnection {
  /** The peer. */
  readonly id: string;
  /** Whether it is connected at the moment. */
  readonly connected: boolean;
}

/** How a server is. */
export interface KvStatus {
  /** The node's name. */
  readonly id: string;
  /** The cluster's. */
  readonly clusterId: string;
  /** The name with the incarnation, if it is not the first. */
  readonly identity: string;
  /**
   * "running"; "founding" for a new node that not every member has met; "repairing" for one that has lost its directory
   * and is being brought up to date; "stopped" or "failed" for one that does not take part any more, "diverged" if that is
   * because its state is not, or may not be, that of the others.
   */
  readonly state: string;
  /** "follower", "preCandidate", "candidate" or "leader". */
  readonly role: string;
  /** currentTerm. */
  readonly term: number;
  /** Who leads this term, if known. */
  readonly leader: string | null;
  /** Everything up to this index is committed; lastApplied <= commitIndex. */
  readonly commitIndex: number;
  /** Everything up to this index has been executed here. */
  readonly lastApplied: number;
  /** The last index at which a majority, this server among it, was seen to have the same state; 0 before the first. */
  readonly agreedIndex: number;
  /** Bytes of the log behind the newest snapshot. */
  readonly logBytes: number;
  /** The last index that the newest snapshot stands for, 0 for none. */
  readonly snapshotIndex: number;
  /** Bytes of the newest snapshot. */
  readonly snapshotBytes: number;
  /** Number of keys. */
  readonly keys: number;
  /** Bytes of all keys and values. */
  readonly storeBytes: number;
  /** Hash of all keys and values; equal on servers with equal lastApplied. */
  readonly hash: string;
  /** Number of client sessions. */
  readonly sessions: number;
  /** Open connections of clients. */
  readonly connections: number;
  /** Smoothed time of one durable write, in milliseconds. */
  readonly syncMs: number;
  /** Time that half of the last minute's durable writes took at most, in milliseconds; 0 without any. */
  readonly syncP50Ms: number;
  /** Time that 99 of 100 took at most. */
  readonly syncP99Ms: number;
  /** The longest; one that is under way counts. */
  readonly syncMaxMs: number;
  /** Whether the server waits for room on its disk, and meanwhile takes no writes. */
  readonly isDiskFull: boolean;
  /** The other members. */
  readonly peers: readonly PeerConnection[];
}

/** Puts a server's status together from what its node, its machine and the server itself say. */
export function kvStatusOf(
  node: ReplicatedStatus,
  figures: Pick<KvStatus, "keys" | "storeBytes" | "hash" | "sessions">,
  server: Pick<KvStatus, "id" | "clusterId" | "connections" | "peers">,
): KvStatus {
  return {
    id: server.id,
    clusterId: server.clusterId,
    identity: node.id,
    state: node.state === "running" && node.standing !== "member" ? node.standing : node.state,
    role: node.role,
    term: node.currentTerm,
    leader: node.leader === null ? null : nameOf(node.leader),
    commitIndex: node.commitIndex,
    lastApplied: node.lastApplied,
    agreedIndex: node.agreedIndex,
    logBytes: node.storage.logBytes,
    snapshotIndex: node.snapshot.last.index,
    snapshotBytes: node.storage.snapshotBytes,
    keys: figures.keys,
    storeBytes: figures.storeBytes,
    hash: figures.hash,
    sessions: figures.sessions,
    connections: server.connections,
    syncMs: node.storage.syncMs,
    syncP50Ms: node.storage.sync.p50Ms,
    syncP99Ms: node.storage.sync.p99Ms,
    syncMaxMs: node.storage.sync.maxMs,
    isDiskFull: node.isDiskFull,
    peers: server.peers,
  };
}

/** A status for a reply. */
export function statusToCbor(status: KvStatus): CborValue {
  return { ...status, peers: status.peers.map(({ id, connected }) => [id, connected]) };
}

/** The inverse of {@link statusToCbor}; throws {@link ShapeError} on anything else. */
export function statusFromCbor(cbor: CborValue | undefined): KvStatus {
  const members = membersOf(cbor);
  const text = (name: string): string => textFrom(members.get(name), name);
  const figure = (name: string): number => {
    const found = members.get(name);
    if (typeof found !== "number") throw new ShapeError(`${name} must be a number`);
    return found;
  };
  /** One that servers of an earlier version do not tell. */
  const newFigure = (name: string): number => members.has(name) ? figure(name) : 0;
  return {
    id: text("id"),
    clusterId: text("clusterId"),
    identity: text("identity"),
    state: text("state"),
    role: text("role"),
    term: figure("term"),
    leader: textOrNullFrom(members.get("leader"), "leader"),
    commitIndex: figure("commitIndex"),
    lastApplied: figure("lastApplied"),
    agreedIndex: newFigure("agreedIndex"),
    logBytes: figure("logBytes"),
    snapshotIndex: figure("snapshotIndex"),
    snapshotBytes: figure("snapshotBytes"),
    keys: figure("keys"),
    storeBytes: figure("storeBytes"),
    hash: text("hash"),
    sessions: figure("sessions"),
    connections: figure("connections"),
    syncMs: figure("syncMs"),
    syncP50Ms: newFigure("syncP50Ms"),
    syncP99Ms: newFigure("syncP99Ms"),
    syncMaxMs: newFigure("syncMaxMs"),
    isDiskFull: members.has("isDiskFull") && booleanFrom(members.get("isDiskFull"), "isDiskFull"),
    peers: arrayFrom(members.get("peers"), "peers").map(peerFromCbor),
  };
}

function peerFromCbor(cbor: CborValue): PeerConnection {
  const [id, connected] = arrayOf(cbor, 2, "a peer");
  return { id: textFrom(id, "a peer's id"), connected: booleanFrom(connected, "connected") };
}

function booleanFrom(cbor: CborValue | undefined, what: string): boolean {
  if (typeof cbor !== "boolean") throw new ShapeError(`${what} must be a boolean`);
  return cbor;
}

function membersOf(cbor: CborValue | undefined): ReadonlyMap<string, CborValue> {
  if (typeof cbor !== "object" || cbor === null || Array.isArray(cbor) || cbor instanceof Uint8Array) {
    throw new ShapeError("a status must be a map");
  }
  return new Map(Object.entries(cbor));
}
