/**
 * Sees to it that leases end in time: whenever the first of them must have ended, the leader proposes the command that
 * deletes the keys of those that have. Which they are is decided when the command is executed, in cluster time; so it does
 * no harm if it comes too early, twice, or from one who leads no more.
 *
 * Every member keeps an eye on the time, as any of them may lead by then. While there are no leases nothing runs.
 *
 * @module
 */
import type { Clock, Timer } from "../raft/node/clock.ts";
import { commandCodec, type KvCommand } from "./commands.ts";

/** The longest that it sleeps, since wall clocks jump, and the pause between two looks when a lease is due. Milliseconds. */
const longestSleepMs = 1000;
const duePauseMs = 50;

/** What a {@link LeaseKeeper} works with. */
export interface LeaseKeeperOptions {
  /** The machine whose leases they are. */
  readonly machine: {
    onLeases: (() => void) | null;
    nextLeaseEndMs(nowMs: number): number;
  };
  /** Where commands are proposed. */
  readonly replica: {
    readonly id: string;
    readonly leader: string | null;
    readonly clusterTimeMs: number;
    submitDecoded(command: KvCommand, encoded: Uint8Array, callback: () => void): void;
  };
  /** Time. */
  readonly clock: Clock;
}

/** See the module. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #timer: Timer | null = null;
  /** Whether a proposal of this member is under way. */
  #isProposing = false;
  #isClosed = false;

  /** Begins at once. */
  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#look();
  }

  /** Ends. */
  close(): void {
    this.#isClosed = true;
    this.#options.machine.onLeases = null;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #look(): void {
    this.#timer = null;
    if (this.#isClosed) return;
    const { machine, replica, clock } = this.#options;
    // What cluster time would be if this member were to stamp an entry now.
    const nowMs = Math.max(clock.wallMs(), replica.clusterTimeMs);
    const endMs = machine.nextLeaseEndMs(nowMs);
    if (endMs === Infinity) {
      machine.onLeases = () => {
        machine.onLeases = null;
        this.#look();
      };
      return;
    }
    if (nowMs >= endMs && replica.leader === replica.id) this.#propose();
    const delayMs = nowMs >= endMs ? duePauseMs : Math.min(endMs - nowMs, longestSleepMs);
    this.#timer = clock.after(delayMs, () => this.#look());
  }

  #propose(): void {
    if (this.#isProposing) return;
    this.#isProposing = true;
    const command = { kind: "expireLeases" } as const;
    this.#options.replica.submitDecoded(command, commandCodec.encode(command), () => {
      this.#isProposing = false;
    });
  }
}
