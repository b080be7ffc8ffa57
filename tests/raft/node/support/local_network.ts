/**
 * A network in memory: delivers each message after a while, unless the link is cut.
 *
 * @module
 */
import type { PeerMessage } from "../../../../raft/core/message.ts";
import type { Clock } from "../../../../raft/node/clock.ts";
import type { Transport } from "../../../../raft/wire/transport.ts";

/** Connects transports by name. */
export class LocalNetwork {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #receivers = new Map<string, (message: PeerMessage) => void>();
  readonly #isolated = new Set<string>();
  /** Everything that was sent, delivered or not. */
  readonly sent: PeerMessage[] = [];
  /** Messages for which it returns true are lost. */
  drop: (message: PeerMessage) => boolean = () => false;

  constructor(clock: Clock, delayMs: number = 1) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /** The end of the network that belongs to `id`. */
  transport(id: string): Transport {
    let isOpen = true;
    return {
      start: (deliver) => {
        this.#receivers.set(id, deliver);
      },
      send: (message) => {
        if (!isOpen) return;
        this.sent.push(message);
        if (this.drop(message)) return;
        this.#clock.after(this.#delayMs, () => {
          if (this.#isolated.has(message.from) || this.#isolated.has(message.to)) return;
          this.#receivers.get(message.to)?.(message);
        });
      },
      [Symbol.asyncDispose]: () => {
        isOpen = false;
        this.#receivers.delete(id);
        return Promise.resolve();
      },
    };
  }

  /** Whether `id` listens. */
  isOpen(id: string): boolean {
    return this.#receivers.has(id);
  }

  /** Cuts `id` off from everyone. */
  isolate(id: string): void {
    this.#isolated.add(id);
  }

  /** Undoes all cuts. */
  heal(): void {
    this.#isolated.clear();
    this.drop = () => false;
  }
}
