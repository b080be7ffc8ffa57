/**
 * Who can reach whom on the simulated network: machines, and a link in each direction between any two of them.
 *
 * @module
 */
import type { FrameFaults } from "./frame_faults.ts";

/**
 * What a blocked link does: `drop` loses what is sent without a word (a lossy middlebox, the course's disabled link);
 * `hold` keeps it and delivers it in order once the link is free, as TCP's retransmission does; `reset` breaks the
 * connections and refuses new ones.
 */
export type BlockMode = "drop" | "hold" | "reset";

/** A range of milliseconds; `minMs <= maxMs`. */
export interface MsRange {
  /** The least. */
  readonly minMs: number;
  /** The most. */
  readonly maxMs: number;
}

/** What was sent, and what became of it. */
export interface NetworkCounters {
  /** Requests sent (RPCs in the course's count), lost ones included. */
  requests: number;
  /** Replies sent, lost ones included. */
  replies: number;
  /** Bytes of all that was sent. */
  bytes: number;
  /** Connections made. */
  connections: number;
  /** Connection attempts refused. */
  refused: number;
  /** Frames lost to faults. */
  dropped: number;
  /** Frames delayed by faults. */
  delayed: number;
  /** Frames delivered twice. */
  duplicated: number;
  /** Frames with a bit flipped. */
  corrupted: number;
  /** Connections broken within a frame. */
  cut: number;
  /** Frames lost or held by blocked links. */
  blocked: number;
  /** Connections broken otherwise than by their owners' close. */
  reset: number;
}

/** Counters at zero. */
export function zeroCounters(): NetworkCounters {
  return {
    requests: 0,
    replies: 0,
    bytes: 0,
    connections: 0,
    refused: 0,
    dropped: 0,
    delayed: 0,
    duplicated: 0,
    corrupted: 0,
    cut: 0,
    blocked: 0,
    reset: 0,
  };
}

/** A machine, as the network sees it. */
export class NetworkMachine {
  /** The machine's name, usually that of the node on it. */
  readonly name: string;
  /** A small number for the trace. */
  readonly number: number;
  /** Blocks every link from and to other machines. */
  isolated: BlockMode | null = null;
  /** Without power: nothing answers, not even with a reset. */
  isDown = false;
  /** Requests that others have sent to it, lost ones included. */
  requestsTo = 0;

  /** Made by {@link NetworkLinks}. */
  constructor(name: string, number: number) {
    this.name = name;
    this.number = number;
  }
}

/** One direction between two machines. */
export class NetworkLink {
  /** Where it begins. */
  readonly from: NetworkMachine;
  /** Where it ends. */
  readonly to: NetworkMachine;
  /** Set by {@link NetworkLinks.block}. */
  blocked: BlockMode | null = null;
  /** Set by {@link NetworkLinks.partition}. */
  partitioned: BlockMode | null = null;
  /** Instead of the network's faults. */
  faults: FrameFaults | null = null;
  /** Instead of the network's latency. */
  latency: MsRange | null = null;

  /** Made by {@link NetworkLinks}. */
  constructor(from: NetworkMachine, to: NetworkMachine) {
    this.from = from;
    this.to = to;
  }

  /** How it is blocked now, or null. A machine always reaches itself. */
  get block(): BlockMode | null {
    if (this.from === this.to) return null;
    return this.partitioned ?? this.blocked ?? this.from.isolated ?? this.to.isolated;
  }
}

/** All machines and links, made as they are named. */
export class NetworkLinks {
  readonly #machines = new Map<string, NetworkMachine>();
  readonly #links = new Map<string, NetworkLink>();

  /** The machine of that name. */
  machine(name: string): NetworkMachine {
    let machine = this.#machines.get(name);
    if (machine === undefined) {
      machine = new NetworkMachine(name, this.#machines.size + 1);
      this.#machines.set(name, machine);
    }
    return machine;
  }

  /** The link in one direction. */
  link(from: string, to: string): NetworkLink {
    const key = `${from}\n${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new NetworkLink(this.machine(from), this.machine(to));
      this.#links.set(key, link);
    }
    return link;
  }

  /**
   * Splits the named machines into groups that cannot reach each other; replaces the former partition. Machines in no
   * group (clients, for instance) keep reaching everybody.
   */
  partition(groups: readonly (readonly string[])[], mode: BlockMode): void {
    for (const link of this.#links.values()) link.partitioned = null;
    groups.forEach((group, index) => {
      for (const other of groups.slice(index + 1).flat()) {
        for (const member of group) {
          this.link(member, other).partitioned = mode;
          this.link(other, member).partitioned = mode;
        }
      }
    });
  }

  /** Frees every link and machine. */
  heal(): void {
    for (const link of this.#links.values()) link.blocked = link.partitioned = null;
    for (const machine of this.#machines.values()) machine.isolated = null;
  }
}
