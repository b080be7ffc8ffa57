/**
 * Barriers: programs wait for each other, before they begin something together and after they have ended it. It is the
 * "double barrier" of ZooKeeper's and etcd's recipes.
 *
 * | key | meaning |
 * |---|---|
 * | `barrier/NAME/in/ID` | a participant that has come and not left |
 * | `barrier/NAME/open` | all have come; its value names the round. Gone when all have left |
 *
 * Nobody comes in while the barrier is open, so rounds do not mix. Who opens it must be in, and whoever closes it must have seen
 * the round that it closes: so what is late does no harm in the next round.
 *
 * @module
 */
import type { Clerk } from "./clerk.ts";
import type { CallOptions } from "./clerk_options.ts";
import { ClerkError } from "./errors.ts";
import { poll } from "./polling.ts";

/** Time to take one's own entry back when the time for coming in is over, in milliseconds. */
const withdrawalMs = 5_000;

/**
 * One participant of a barrier.
 *
 * A participant that dies between coming in and leaving is waited for: give {@link leave} a time limit, and {@link clear}
 * the barrier if somebody is known to be dead.
 *
 * @example Two programs begin together, and end together
 * ```ts
 * import { Barrier, KvServer } from "@balsa/balsa";
 *
 * await using server = await KvServer.inMemory();
 * async function program(name: string): Promise<string> {
 *   await using clerk = server.clerk();
 *   const barrier = new Barrier(clerk, "race", 2);
 *   await barrier.enter({ timeoutMs: 5000 }); // Both are here.
 *   const work = `${name} works`;
 *   await barrier.leave({ timeoutMs: 5000 }); // Both are done.
 *   return work;
 * }
 * console.log(await Promise.all([program("a"), program("b")])); // [ "a works", "b works" ]
 * ```
 */
export class Barrier {
  /** The name. */
  readonly name: string;
  /** How many must come. */
  readonly participants: number;
  readonly #clerk: Clerk;
  readonly #id: string;
  /** The round that this has come in for; null when it is not in. */
  #round: string | null = null;

  /** A participant of its own, of the barrier `name` in the cluster that `clerk` talks to; `participants` must come. */
  constructor(clerk: Clerk, name: string, participants: number) {
    if (!Number.isSafeInteger(participants) || participants < 1) {
      const text = `Cannot make a barrier for ${participants} participants: give a whole number of at least 1`;
      throw new ClerkError("invalid", text);
    }
    this.#clerk = clerk;
    this.name = name;
    this.participants = participants;
    this.#id = Math.floor(clerk.random.next() * 2 ** 48).toString(16).padStart(12, "0");
  }

  /**
   * Comes in and waits for the others. Rejects with a {@link ClerkError}, "timeout" for instance; then this participant does
   * not count as having come, unless the code is "unknown".
   */
  async enter(options: CallOptions = {}): Promise<void> {
    if (this.#round !== null) throw this.#invalid("enter", "this participant is in; leave first");
    const attempt = `enter barrier ${JSON.stringify(this.name)}: the others have not come`;
    let isIn = false;
    try {
      this.#round = await poll(this.#clerk, { ...options, attempt }, async (limits) => {
        // Whoever is late for the last round waits until it is over.
        isIn ||= await this.#comeIn(limits);
        return isIn ? await this.#roundIfOpen(limits) : undefined;
      });
    } catch (error) {
      this.#round = await this.#withdraw(error);
    }
  }

  /** Leaves and waits for the others to leave. Rejects with a {@link ClerkError}; may be called again then. */
  async leave(options: CallOptions = {}): Promise<void> {
    const round = this.#round;
    if (round === null) throw this.#invalid("leave", "this participant is not in");
    const attempt = `leave barrier ${JSON.stringify(this.name)}: the others have not left`;
    let hasLeft = false;
    await poll(this.#clerk, { ...options, attempt }, async (limits) => {
      if (!hasLeft) await this.#clerk.delete(this.#ownKey, limits);
      hasLeft = true;
      if (await this.#clerk.get(this.#openKey, limits) !== round) return true;
      if (await this.#count(limits) > 0) return undefined;
      await this.#clerk.transaction({
        compare: [{ key: this.#openKey, value: round }],
        then: [{ kind: "delete", key: this.#openKey }],
      }, limits);
      return true;
    });
    this.#round = null;
  }

  /** Takes everything of this barrier away, as if nobody had ever come. Who waits goes on waiting, for a round of its own. */
  async clear(options: CallOptions = {}): Promise<void> {
    await this.#clerk.deletePrefix(this.#prefix, options);
    this.#round = null;
  }

  get #prefix(): string {
    return `barrier/${this.name}/`;
  }

  get #openKey(): string {
    return `${this.#prefix}open`;
  }

  get #ownKey(): string {
    return `${this.#prefix}in/${this.#id}`;
  }

  #count(limits: CallOptions): Promise<number> {
    return this.#clerk.count({ prefix: `${this.#prefix}in/`, ...limits });
  }

  /** Comes in unless the barrier is open; says whether it did. */
  #comeIn(limits: CallOptions): Promise<boolean> {
    return this.#clerk.transaction({
      compare: [{ key: this.#openKey, absent: true }],
      then: [{ kind: "put", key: this.#ownKey, value: "" }],
    }, limits);
  }

  /** The round, if the barrier is open; opens it if everybody is in. */
  async #roundIfOpen(limits: CallOptions): Promise<string | undefined> {
    const round = await this.#clerk.get(this.#openKey, limits);
    if (round !== "") return round;
    if (await this.#count(limits) < this.participants) return undefined;
    await this.#clerk.transaction({
      compare: [{ key: this.#openKey, absent: true }, { key: this.#ownKey, value: "" }],
      then: [{ kind: "put", key: this.#openKey, value: `${this.#id} ${this.#clerk.random.next()}` }],
    }, limits);
    return await this.#clerk.get(this.#openKey, limits) || undefined;
  }

  /** Takes the own entry back after a failure. If the barrier was opened meanwhile it is too late: its round is returned. */
  async #withdraw(failure: unknown): Promise<string> {
    const limits = { timeoutMs: withdrawalMs };
    if (failure instanceof ClerkError && failure.code === "invalid") throw failure;
    try {
      const isOut = await this.#clerk.transaction({
        compare: [{ key: this.#openKey, absent: true }],
        then: [{ kind: "delete", key: this.#ownKey }],
      }, limits);
      const round = isOut ? "" : await this.#clerk.get(this.#openKey, limits);
      const { version } = await this.#clerk.getWithVersion(this.#ownKey, limits);
      if (round !== "" && version > 0) return round;
    } catch (error) {
      const text = `Cannot enter barrier ${JSON.stringify(this.name)}: whether it counts as having come is not known`;
      throw new ClerkError("unknown", text, { cause: error });
    }
    throw failure;
  }

  #invalid(attempt: string, reason: string): ClerkError {
    return new ClerkError("invalid", `Cannot ${attempt} barrier ${JSON.stringify(this.name)}: ${reason}`);
  }
}
