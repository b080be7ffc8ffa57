/**
 * A Clerk's way to the leader: which server to dial next and when, one connection at a time.
 *
 * Nobody knows in advance who leads. The link dials the server it was last told of, or else the servers in turn; after a
 * whole turn without success it pauses, longer each time, so that a cluster in trouble is not flooded on top of it. A
 * connection that turned out not to be the leader's is set aside, not closed: what was sent on it may still be answered.
 *
 * @module
 */
import type { Clock, Timer } from "../raft/node/clock.ts";
import type { Random } from "../raft/node/random.ts";
import type { Network } from "../raft/wire/network.ts";
import type { CborValue } from "../raft/encoding/cbor.ts";
import { type BodyWriter, RpcClient, type RpcOutcome } from "../raft/wire/rpc.ts";
import type { Sending } from "./clerk_requests.ts";
import { type Linked, LinkedList } from "./linked_list.ts";

/** Pauses grow from the first to the second, doubling; a random half of each is left out. Milliseconds. */
const minPauseMs = 10;
const maxPauseMs = 500;

/** A connection to a server, as a Clerk uses it. */
export interface ClerkConnection {
  /** Whether calls can be made. */
  readonly isOpen: boolean;
  /** Asks; `callback` is called once, never before this returns. The returned function gives up waiting for it. */
  call(body: CborValue | BodyWriter, callback: (outcome: RpcOutcome) => void): () => void;
  /** Ends the connection; calls without an outcome are lost. */
  close(reason?: string): void;
}

/** How a connection is to be made. */
export interface ConnectOptions {
  /** For connecting and handshake together, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives up connecting when aborted. */
  readonly signal: AbortSignal;
  /** To be told once when the connection is over, after the outcomes of all calls. */
  readonly onClosed: (reason: string) => void;
}

/** Connects to a server; rejects when that fails or the signal is aborted. */
export type ConnectClerk = (address: string, options: ConnectOptions) => Promise<ClerkConnection>;

/** One connection and what is under way on it. */
export interface Link<Item extends Linked<Item> = Sending> {
  /** The server's address. */
  readonly address: string;
  /** The connection. */
  readonly client: ClerkConnection;
  /** Requests sent and not answered, in the order of sending. */
  readonly inFlight: LinkedList<Item>;
  /** Calls in those, and their bytes. */
  inFlightCalls: number;
  inFlightBytes: number;
  /** Whether this server has proved that it can do what only a server in touch with a leader can. */
  isConfirmed: boolean;
  /** When it last answered anything but a refusal, in monotonic milliseconds. */
  lastProgressMs: number;
}

/** Why a Clerk's calls are not being answered just now. */
export type WaitingReason =
  /** The server is being dialled. */
  | "connecting"
  /** The server cannot be reached, or refuses the connection. */
  | "unreachable"
  /** The server is there, but is not the leader: there is none, or it has just changed. */
  | "noLeader"
  /** The server was asked and has not answered yet. */
  | "noReply"
  /** The server has too much to do. */
  | "overloaded"
  /** The server leads and has no room on its disk. */
  | "diskFull"
  /** The server cannot serve the call at the moment, for instance because it is stopping. */
  | "unavailable";

/** What the link works with, and whom it tells. */
export interface LeaderLinkOptions {
  /** The servers; at least one. */
  readonly addresses: readonly string[];
  /** The cluster meant; "" for whichever is there. */
  readonly clusterId: string;
  /** Sockets. */
  readonly network: Network;
  /** Time. */
  readonly clock: Clock;
  /** Makes connections in another way than with {@link network}. */
  readonly connect?: ConnectClerk | undefined;
  /** For pauses. */
  readonly random: Random;
  /** For connecting and handshake, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Whether a connection is wanted; none is dialled otherwise. */
  readonly isWanted: () => boolean;
  /** A new connection is there. */
  readonly onOpen: () => void;
  /** Called whenever it changes what is waited for, with the server it is about. */
  readonly onWaiting: (reason: WaitingReason, server: string, detail: string) => void;
}

/** See the module. */
export class LeaderLink<Item extends Linked<Item> = Sending> {
  readonly #options: LeaderLinkOptions;
  /** Connections that were set aside and still have calls under way. */
  readonly #aside = new Set<Link<Item>>();
  #current: Link<Item> | null = null;
  /** Aborts the dialling that is under way. */
  #dialling: AbortController | null = null;
  #dialled: Promise<void> = Promise.resolve();
  #pause: Timer | null = null;
  /** Where to go next, if somebody said so. */
  #hint: string | null = null;
  #turn: number;
  /** Servers tried since the last progress. */
  #tries = 0;
  #isClosed = false;

  constructor(options: LeaderLinkOptions) {
    this.#options = options;
    // Not all Clerks should begin with the same server.
    this.#turn = Math.floor(options.random.next() * options.addresses.length);
  }

  /** The connection to send on, if there is one now. */
  get current(): Link<Item> | null {
    return this.#current;
  }

  /** How many servers were tried since the last progress. */
  get tries(): number {
    return this.#tries;
  }

  /** All connections with calls under way, the current one among them. */
  get links(): readonly Link<Item>[] {
    return this.#current === null ? [...this.#aside] : [this.#current, ...this.#aside];
  }

  /** Makes sure that a connection is there or on its way. */
  want(): void {
    if (this.#isClosed || this.#current !== null || this.#dialling !== null || this.#pause !== null) return;
    const { addresses } = this.#options;
    const address = this.#hint ?? addresses[this.#turn++ % addresses.length] ?? "";
    this.#hint = null;
    this.#dialled = this.#dial(address);
  }

  /** A server has answered, at `nowMs`, what only a server in touch with a leader can answer. */
  confirm(link: Link<Item>, nowMs: number): void {
    link.isConfirmed = true;
    link.lastProgressMs = nowMs;
    if (link === this.#current) this.#tries = 0;
  }

  /**
   * A server does not lead or cannot serve: leave it, for `hint` if that is given. Ignored when it was left before, as it
   * will say the same to every call that was under way.
   */
  leave(link: Link<Item>, hint: string | null): void {
    if (link !== this.#current) return;
    this.#current = null;
    if (link.inFlight.oldest !== null) this.#aside.add(link);
    else link.client.close("another server leads");
    if (hint !== null && hint !== link.address) this.#hint = hint;
    this.#again();
  }

  /** A call on this connection was answered or lost; closes the connection if it was the last one of one set aside. */
  settled(link: Link<Item>): void {
    if (link.inFlight.oldest !== null || !this.#aside.delete(link)) return;
    link.client.close("another server leads");
  }

  /** Hangs up on a server that does not answer; its calls are lost. */
  hangUp(link: Link<Item>, reason: string): void {
    link.client.close(reason);
  }

  /** Closes everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pause?.cancel();
    this.#pause = null;
    this.#dialling?.abort(new Error("the Clerk was closed"));
    for (const link of this.links) link.client.close("the Clerk was closed");
    await this.#dialled;
  }

  async #dial(address: string): Promise<void> {
    const { network, clock, clusterId, connect, connectTimeoutMs, onWaiting, onOpen } = this.#options;
    const dialling = new AbortController();
    this.#dialling = dialling;
    // After a failure its reason says more than that another server is being tried.
    if (this.#tries === 0) onWaiting("connecting", address, "");
    let link: Link<Item> | null = null;
    try {
      const connectOptions: ConnectOptions = {
        timeoutMs: connectTimeoutMs,
        signal: dialling.signal,
        onClosed: (reason) => {
          if (link !== null) this.#ended(link, reason);
        },
      };
      const client = connect === undefined
        ? await RpcClient.connect(network, address, { clock, clusterId, ...connectOptions })
        : await connect(address, connectOptions);
      link = {
        address,
        client,
        inFlight: new LinkedList(),
        inFlightCalls: 0,
        inFlightBytes: 0,
        isConfirmed: false,
        lastProgressMs: clock.monotonicMs(),
      };
    } catch (error) {
      onWaiting("unreachable", address, error instanceof Error ? error.message : String(error));
    }
    this.#dialling = null;
    if (this.#isClosed) link?.client.close("the Clerk was closed");
    else if (link === null || !link.client.isOpen) this.#again();
    else {
      this.#current = link;
      onOpen();
    }
  }

  #ended(link: Link<Item>, reason: string): void {
    this.#aside.delete(link);
    if (link !== this.#current) return;
    this.#current = null;
    if (this.#isClosed) return;
    this.#options.onWaiting("unreachable", link.address, reason);
    this.#again();
  }

  /** Goes on to the next server: at once within a turn, after a pause behind each. */
  #again(): void {
    if (this.#isClosed) return;
    this.#tries++;
    const turns = Math.floor(this.#tries / this.#options.addresses.length);
    const isEndOfTurn = this.#tries % this.#options.addresses.length === 0;
    if (!isEndOfTurn) {
      if (this.#options.isWanted()) this.want();
      return;
    }
    const pauseMs = Math.min(minPauseMs * 2 ** (turns - 1), maxPauseMs) * (0.5 + 0.5 * this.#options.random.next());
    this.#pause?.cancel();
    this.#pause = this.#options.clock.after(pauseMs, () => {
      this.#pause = null;
      if (this.#options.isWanted()) this.want();
    });
  }
}
