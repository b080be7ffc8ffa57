/**
 * One life of a simulated process. Whatever reaches the process (a timer, bytes, the end of a disk operation) comes through
 * {@link Incarnation.deliver}, so that a killed process is silent at once and a paused one (SIGSTOP) sees nothing until it
 * is resumed.
 *
 * @module
 */
import type { Scheduler } from "./scheduler.ts";

/** What a process can be. */
export type LifeState = "running" | "paused" | "dead";

/** One life of a process, from its start to its kill. */
export class Incarnation {
  /** The process and the number of this life, `n1#2`. */
  readonly label: string;
  /** What the operating system would call it: no two lives of a simulation have the same. */
  readonly processId: number;
  readonly #scheduler: Scheduler;
  #state: LifeState = "running";
  #held: (() => void)[] = [];
  readonly #onKill: ((reason: KillReason) => void)[] = [];

  /** Begins a life. */
  constructor(scheduler: Scheduler, label: string, processId: number) {
    this.#scheduler = scheduler;
    this.label = label;
    this.processId = processId;
  }

  /** What the process is now. */
  get state(): LifeState {
    return this.#state;
  }

  /** False once it was killed; then every call from it must be without effect and without answer. */
  get isAlive(): boolean {
    return this.#state !== "dead";
  }

  /** Runs `callback` now, holds it back while the process is paused, or drops it when the process is dead. */
  deliver(callback: () => void): void {
    if (this.#state === "running") callback();
    else if (this.#state === "paused") this.#held.push(callback);
  }

  /** Holds back everything from now on. */
  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  /** Delivers what was held back, in order, each in an event of its own, at the present time. */
  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    const held = this.#held;
    this.#held = [];
    for (const callback of held) this.#scheduler.after(0, () => this.deliver(callback));
  }

  /** Ends it. What was held back is dropped; those who asked are told. */
  kill(reason: KillReason): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#held = [];
    for (const callback of this.#onKill) callback(reason);
    this.#onKill.length = 0;
  }

  /** Calls back when the life ends; for the simulated devices, which must let go. */
  onKill(callback: (reason: KillReason) => void): void {
    this.#onKill.push(callback);
  }

  /**
   * A promise for the process: settled through {@link deliver}, so never after its death. `start` is not called, and
   * the promise stays pending for ever, when the process is dead already.
   */
  promise<T>(start: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.isAlive) return;
      start((value) => this.deliver(() => resolve(value)), (error) => this.deliver(() => reject(error)));
    });
  }
}

/**
 * How a life ends: `process` as by SIGKILL, where the operating system closes its connections and keeps its dirty
 * pages; `power` as by power loss, where the machine falls silent and what was not synced is in doubt.
 */
export type KillReason = "process" | "power";
