/**
 * What the parts of the simulated network share.
 *
 * @module
 */
import type { ConnectionRole } from "../wire/hello.ts";
import type { FrameFaults, FrameVerdict } from "./frame_faults.ts";
import type { FrameKind } from "./frame_kind.ts";
import type { Incarnation } from "./incarnation.ts";
import { type MsRange, type NetworkCounters, type NetworkLink, NetworkLinks, zeroCounters } from "./network_links.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { Trace } from "./trace.ts";

/** How a simulated network behaves when nothing is wrong. */
export interface NetworkProfile {
  /** One-way latency between machines, uniform in the range. Within a machine it is a tenth. */
  readonly latency: MsRange;
  /**
   * Whether connections carry length-prefixed frames, to which faults of frames can apply; bytes of a frame then leave
   * when it is whole. Without it bytes leave as they are written.
   */
  readonly framing: boolean;
  /** What the two kernels buffer on a connection before `queuedBytes` grows. */
  readonly socketBufferBytes: number;
  /** How often a read gives only a few bytes (1 to 64) of what has arrived; in [0, 1]. */
  readonly fragmentProbability: number;
  /** First pause before an unanswered connection attempt is repeated, in milliseconds; it doubles each time. */
  readonly connectRetryMs: number;
  /** How long a connection attempt goes on unanswered, in milliseconds. */
  readonly connectTimeoutMs: number;
}

/** A quick local network. */
export const defaultNetworkProfile: NetworkProfile = {
  latency: { minMs: 0.1, maxMs: 0.6 },
  framing: true,
  socketBufferBytes: 256 * 1024,
  fragmentProbability: 0.001,
  connectRetryMs: 1_000,
  connectTimeoutMs: 127_000,
};

/** A frame about to leave, as an interceptor sees it. */
export interface FrameInfo {
  /** The sending machine. */
  readonly from: string;
  /** The receiving machine. */
  readonly to: string;
  /** What the connection is for; null when its hello was no hello. */
  readonly role: ConnectionRole | null;
  /** What the frame is for. */
  readonly kind: FrameKind;
  /** The whole frame, its length included. Not to be written to. */
  readonly bytes: Uint8Array;
}

/** Decides about single frames; null leaves it to the configured faults. */
export type FrameInterceptor = (frame: FrameInfo) => FrameVerdict | null;

/** One direction of a connection, as the network sees it. */
export interface OpenPipe {
  /** The link it runs over. */
  readonly link: NetworkLink;
  /** The link was blocked or freed. */
  linkChanged(): void;
}

/** One end of a connection, as the network sees it. */
export interface OpenSocket {
  /** Where it writes to. */
  readonly outgoing: OpenPipe | null;
  /** The connection broke. */
  break(reason: string): void;
  /** The process is gone; the other end is told or not. */
  abandon(tellOther: boolean): void;
}

/** How much one read gives at most. */
const readBufferBytes = 64 * 1024;

/** The state of a simulated network. */
export class NetworkCore {
  /** Virtual time. */
  readonly scheduler: Scheduler;
  /** What happened. */
  readonly trace: Trace;
  /** The network's own random numbers. */
  readonly random: SeededRandom;
  /** The behaviour without faults. */
  readonly profile: NetworkProfile;
  /** Who can reach whom. */
  readonly links = new NetworkLinks();
  /** What was sent, and what became of it. */
  readonly counters: NetworkCounters = zeroCounters();
  /** Bytes pass to the receiver in here; overwritten after each call. */
  readonly readBuffer = new Uint8Array(readBufferBytes);
  /** Every socket that is open, in the order of their making. */
  readonly openSockets = new Set<OpenSocket>();
  /** Pipes that keep what a blocked link holds, although their sender may be gone. */
  readonly holdingPipes = new Set<OpenPipe>();
  /** Faults of all links that have none of their own. */
  faults: FrameFaults | null = null;
  /** Asked about every frame first. */
  interceptor: FrameInterceptor | null = null;
  /** Names the next connection. */
  nextConnectionNumber = 1;
  readonly #socketsByIncarnation = new WeakMap<Incarnation, Set<OpenSocket>>();

  /** An empty network. */
  constructor(scheduler: Scheduler, trace: Trace, random: SeededRandom, profile: NetworkProfile) {
    this.scheduler = scheduler;
    this.trace = trace;
    this.random = random;
    this.profile = profile;
  }

  /** The open sockets of a process. */
  sockets(incarnation: Incarnation): Set<OpenSocket> {
    let sockets = this.#socketsByIncarnation.get(incarnation);
    if (sockets === undefined) {
      sockets = new Set();
      this.#socketsByIncarnation.set(incarnation, sockets);
    }
    return sockets;
  }

  /** Draws the one-way latency of a link. */
  latencyMs(link: NetworkLink): number {
    const { minMs, maxMs } = link.latency ?? this.profile.latency;
    const drawnMs = minMs === maxMs ? minMs : this.random.between(minMs, maxMs);
    return link.from === link.to ? drawnMs / 10 : drawnMs;
  }
}
