/**
 * Something that lasts for a time in the cluster, and is renewed for as long as it is held: a lock, a lease.
 *
 * The holder counts from before it sent the last renewal that was answered, by its own clock, and so gives up before the
 * cluster does, as long as clocks run at about the same speed.
 *
 * @module
 */
import type { Clock, Timer } from "../raft/node/clock.ts";
import type { ClerkError } from "./errors.ts";

/** It is renewed when so much of its time has passed: two attempts may fail before it ends. */
const renewalShare = 1 / 3;

/** What is kept alive, and how. */
export interface KeptAliveOptions {
  /** Time. */
  readonly clock: Clock;
  /** For how long each renewal is good, in milliseconds. */
  readonly durationMs: number;
  /** When what began it was sent, in monotonic milliseconds. */
  readonly sentAtMs: number;
  /** Begins its time anew, within `timeoutMs`; false if it is over. */
  readonly renew: (timeoutMs: number) => Promise<boolean>;
  /** What to say when it is lost. */
  readonly lost: (reason: string) => ClerkError;
}

/** See the module. */
export class KeptAlive {
  readonly #options: KeptAliveOptions;
  readonly #lost = new AbortController();
  /** It is over by then, in monotonic milliseconds, if it is not renewed. */
  #endsAtMs: number;
  #timer: Timer | null = null;
  #isGivenUp = false;

  constructor(options: KeptAliveOptions) {
    this.#options = options;
    this.#endsAtMs = options.sentAtMs + options.durationMs;
    this.#arm();
  }

  /** Whether it lasts, as far as can be known here. */
  get isHeld(): boolean {
    return !this.#isGivenUp && !this.#lost.signal.aborted && this.#options.clock.monotonicMs() < this.#endsAtMs;
  }

  /** Aborted when it is lost without having been given up. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Renews it no more. Returns for how many milliseconds it lasts; 0 if it was lost or given up before. */
  giveUp(): number {
    if (this.#isGivenUp || this.#lost.signal.aborted) return 0;
    this.#isGivenUp = true;
    this.#timer?.cancel();
    this.#timer = null;
    return Math.max(0, this.#endsAtMs - this.#options.clock.monotonicMs());
  }

  #arm(): void {
    const { clock, durationMs } = this.#options;
    const delayMs = Math.max(0, this.#endsAtMs - durationMs * (1 - renewalShare) - clock.monotonicMs());
    this.#timer = clock.after(delayMs, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { clock, durationMs, renew } = this.#options;
    const sentAtMs = clock.monotonicMs();
    const timeoutMs = this.#endsAtMs - sentAtMs;
    if (timeoutMs <= 0) return this.#lose("its lease has ended");
    try {
      const isHeld = await renew(timeoutMs);
      if (this.#isGivenUp) return;
      if (!isHeld) return this.#lose("its lease had ended before it was renewed");
      this.#endsAtMs = sentAtMs + durationMs;
      this.#arm();
    } catch (error) {
      // The call was given all the time that was left, unless it was ended for good.
      if (!this.#isGivenUp) this.#lose(error instanceof Error ? error.message : String(error));
    }
  }

  #lose(reason: string): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#lost.abort(this.#options.lost(reason));
  }
}
