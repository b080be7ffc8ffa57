/**
 * A client's knowledge of which group serves a shard and who leads it, and connections through which calls for a shard go
 * there.
 *
 * A Clerk for one shard dials through here instead of dialling a server. All Clerks for all shards share one connection to
 * each server. When a group does not serve a shard, its Clerk is told that the server does not lead, which is true as far
 * as that shard goes: the call was not executed, and is sent again, with the session and serial that it had, to whomever
 * the newest configuration names.
 *
 * @module
 */
import { CborError, type CborValue } from "../../raft/encoding/cbor.ts";
import { type Clock, sleep } from "../../raft/node/clock.ts";
import type { BodyWriter, RpcOutcome } from "../../raft/wire/rpc.ts";
import type { ClerkConnection, ConnectClerk } from "../clerk_link.ts";
import { type CallOptions, sharedTime } from "../clerk_options.ts";
import { ClerkError } from "../errors.ts";
import { replyToCbor } from "../protocol.ts";
import { ShapeError } from "../shape.ts";
import type { Connections, SharedConnection } from "./connections.ts";
import type { ConfigurationReader } from "./controller.ts";
import { clusterIdOf, type GroupId, nobody, type ShardConfiguration } from "./shard_config.ts";
import { forShard, wrongGroupCode } from "./shard_protocol.ts";

/** What a router works with. */
export interface ShardRouterOptions {
  /** Where configurations come from. */
  readonly configurations: ConfigurationReader;
  /** To the servers of groups. */
  readonly connections: Connections;
  /** Time. */
  readonly clock: Clock;
  /** How long a look at the newest configuration may take before a call goes by the one that is known, in milliseconds. */
  readonly refreshTimeoutMs: number;
}

/** The least time between two looks at the newest configuration, in milliseconds. */
const refreshPauseMs = 20;

/** Pause while nobody has made the first configuration, in milliseconds. */
const firstPauseMs = 50;

/** Told to a Clerk whose shard is not served where it has asked. */
const notHere: CborValue = replyToCbor({ kind: "notLeader", leader: null, address: null });

/** The reply code of notLeader. */
const notLeaderCode = 1;

/** See the module. */
export class ShardRouter {
  readonly #options: ShardRouterOptions;
  #configuration: ShardConfiguration | null = null;
  /** Whether there may be a newer configuration, or must be one. */
  #freshness: "fresh" | "suspect" | "stale" = "stale";
  #refreshing: Promise<void> | null = null;
  #refreshedMs = -Infinity;
  /** The server of each group that has last done what only a leader does, or that was said to lead. */
  readonly #leaders = new Map<GroupId, string>();
  /** Whose turn it is when nobody is known to lead. */
  readonly #turns = new Map<GroupId, number>();

  constructor(options: ShardRouterOptions) {
    this.#options = options;
  }

  /** The newest configuration that is known; null before the first look. */
  get configuration(): ShardConfiguration | null {
    return this.#configuration;
  }

  /** The newest configuration, asked for now; waits until there is one. */
  async latest(options: CallOptions): Promise<ShardConfiguration> {
    const { configurations, clock } = this.#options;
    const limits = sharedTime(options, clock);
    const { signal, sinceMs, timeoutMs } = limits;
    for (;;) {
      const found = await configurations.latest(limits);
      if (found !== null) {
        this.#take(found);
        return found;
      }
      const restMs = sinceMs + timeoutMs - clock.monotonicMs();
      await sleep(clock, Math.max(0, Math.min(firstPauseMs, restMs)), signal).catch(() => {});
      if (restMs <= firstPauseMs || signal?.aborted) {
        const code = signal?.aborted ? "aborted" : "timeout";
        throw new ClerkError(code, "Cannot find out who has the shards: the controller has no configuration yet");
      }
    }
  }

  /** How the Clerk of a shard reaches its server. It asks for `address`, or for any other text when it knows none. */
  connector(shard: number): ConnectClerk {
    return async (address, { onClosed }) => {
      await this.#refreshIfSuspect();
      const group = this.#configuration?.shards[shard] ?? nobody;
      const servers = this.#configuration?.groups[group] ?? [];
      if (servers.length === 0) {
        this.#freshness = "stale";
        throw new Error(`no group has shard ${shard}`);
      }
      const target = servers.includes(address) ? address : this.#leaders.get(group) ?? this.#nextInTurn(group, servers);
      try {
        const shared = await this.#options.connections.open({ address: target, clusterId: clusterIdOf(group) });
        return new ShardConnection(shard, shared, this.#options.clock, {
          onReply: (reply) => this.#judge(group, servers, target, reply),
          onLost: () => this.#failed(group, target),
          onClosed,
        });
      } catch (error) {
        this.#failed(group, target);
        throw error;
      }
    };
  }

  /** What the Clerk is to be told for this reply. */
  #judge(group: GroupId, servers: readonly string[], server: string, reply: CborValue): CborValue {
    if (!Array.isArray(reply)) return reply;
    const [code, second, third] = reply;
    if (code === wrongGroupCode) {
      const isNewer = typeof second === "number" && second > (this.#configuration?.number ?? 0);
      this.#suspect(isNewer ? "stale" : "suspect");
      return notHere;
    }
    if (code === notLeaderCode) {
      if (this.#leaders.get(group) === server) this.#leaders.delete(group);
      // Servers may know each other by other addresses than their clients do.
      if (typeof third === "string" && servers.includes(third)) this.#leaders.set(group, third);
      else if (second === null) this.#suspect("suspect");
    } else this.#leaders.set(group, server);
    return reply;
  }

  /** The server does not answer: it may be the group that is gone, or only the server. */
  #failed(group: GroupId, server: string): void {
    if (this.#leaders.get(group) === server) this.#leaders.delete(group);
    this.#suspect("suspect");
  }

  #suspect(suspicion: "suspect" | "stale"): void {
    if (this.#freshness !== "stale") this.#freshness = suspicion;
  }

  #nextInTurn(group: GroupId, servers: readonly string[]): string {
    const turn = this.#turns.get(group) ?? 0;
    this.#turns.set(group, turn + 1);
    return servers[turn % servers.length] ?? "";
  }

  /** Looks for a newer configuration if there may be one, and waits for it only if there must be one. */
  async #refreshIfSuspect(): Promise<void> {
    const { clock } = this.#options;
    if (this.#freshness === "fresh" || clock.monotonicMs() < this.#refreshedMs + refreshPauseMs) return;
    this.#refreshing ??= this.#refresh().finally(() => this.#refreshing = null);
    // A controller that does not answer keeps nobody from groups that are where they were.
    if (this.#freshness === "stale") await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { configurations, clock, refreshTimeoutMs } = this.#options;
    try {
      const found = await configurations.latest({ timeoutMs: refreshTimeoutMs });
      if (found !== null) this.#take(found);
    } catch (error) {
      // The one that is known may do; if it does not, the next attempt looks again.
      if (!(error instanceof ClerkError || error instanceof ShapeError || error instanceof CborError)) throw error;
    } finally {
      this.#refreshedMs = clock.monotonicMs();
    }
  }

  #take(found: ShardConfiguration): void {
    this.#freshness = "fresh";
    if (found.number >= (this.#configuration?.number ?? 0)) this.#configuration = found;
  }
}

/** What a {@link ShardConnection} tells. */
interface ShardConnectionEvents {
  /** A reply has come; what it is to be taken for. */
  readonly onReply: (reply: CborValue) => CborValue;
  /** The shared connection is over. */
  readonly onLost: () => void;
  /** This connection is over, after the outcomes of all calls. */
  readonly onClosed: (reason: string) => void;
}

/** A shared connection, as the Clerk of one shard sees it. */
class ShardConnection implements ClerkConnection {
  readonly #shard: number;
  readonly #shared: SharedConnection;
  readonly #clock: Clock;
  readonly #events: ShardConnectionEvents;
  /** Calls without an outcome: what gives up waiting, and whom to tell. */
  readonly #calls = new Map<(outcome: RpcOutcome) => void, () => void>();
  readonly #onSharedClosed = (reason: string): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#shared.onClosed.delete(this.#onSharedClosed);
    this.#events.onLost();
    this.#events.onClosed(reason);
  };
  #isOpen = true;
  /** When the call that waits longest was sent, as far as this matters: when there was none before it. */
  #waitingSinceMs = 0;

  constructor(shard: number, shared: SharedConnection, clock: Clock, events: ShardConnectionEvents) {
    this.#shard = shard;
    this.#shared = shared;
    this.#clock = clock;
    this.#events = events;
    shared.onClosed.add(this.#onSharedClosed);
  }

  get isOpen(): boolean {
    return this.#isOpen && this.#shared.client.isOpen;
  }

  call(body: CborValue | BodyWriter, callback: (outcome: RpcOutcome) => void): () => void {
    if (this.#calls.size === 0) this.#waitingSinceMs = this.#clock.monotonicMs();
    const giveUp = this.#shared.client.call(forShard(this.#shard, body), (outcome) => {
      this.#calls.delete(callback);
      if (outcome.kind !== "reply") return callback(outcome);
      this.#shared.lastHeardMs = this.#clock.monotonicMs();
      callback({ kind: "reply", body: this.#events.onReply(outcome.body) });
    });
    this.#calls.set(callback, giveUp);
    return () => {
      giveUp();
      this.#calls.delete(callback);
    };
  }

  /** Leaves the shared connection to the others, unless nothing has come on it since this one has been waiting. */
  close(reason = "closed by the client"): void {
    if (!this.#isOpen) return;
    const isSilent = this.#calls.size > 0 && this.#shared.lastHeardMs < this.#waitingSinceMs;
    if (isSilent) return this.#shared.client.close(reason);
    // First of all, so that nothing is sent here by those who are told.
    this.#isOpen = false;
    this.#shared.onClosed.delete(this.#onSharedClosed);
    for (const [callback, giveUp] of [...this.#calls]) {
      giveUp();
      callback({ kind: "lost", reason });
    }
    this.#calls.clear();
    this.#events.onClosed(reason);
  }
}
