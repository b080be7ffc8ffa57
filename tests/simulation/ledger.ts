/**
 * An account of every write that clients made, kept apart from the system under test and from the linearizability checker, to
 * be compared with what is stored in the end.
 *
 * @module
 */

/** What a client knows of a write. */
export type WriteFate = "open" | "done" | "unknown" | "notDone";

interface Written {
  readonly token: string;
  readonly key: string;
  readonly kind: "put" | "append";
  fate: WriteFate;
  /** Its place in the order in which writes ended; Infinity while it is open. */
  endedAt: number;
}

/** Ends every token, so that none is a part of another. */
const terminator = ";";

/** All writes of a run; each has a token of its own in its value. */
export class Ledger {
  readonly #writes = new Map<string, Written>();
  /** Keys that were ever put: what was appended before a put may be gone. */
  readonly #putKeys = new Set<string>();
  /** Every key that was written to. */
  readonly #keys = new Set<string>();
  #nextToken = 1;
  #ended = 0;

  /** Every key that was written to. */
  get keys(): readonly string[] {
    return [...this.#keys];
  }

  /** Writes that have ended; names this moment for {@link problemOf}. */
  get ended(): number {
    return this.#ended;
  }

  /** Writes begun. */
  get size(): number {
    return this.#writes.size;
  }

  /** A write begins; returns its token. */
  begin(key: string, kind: "put" | "append"): string {
    const token = `<${this.#nextToken++}`;
    this.#writes.set(token, { token, key, kind, fate: "open", endedAt: Infinity });
    this.#keys.add(key);
    if (kind === "put") this.#putKeys.add(key);
    return token;
  }

  /** The value that carries a token. */
  value(token: string, paddingBytes: number): string {
    return `${token}${".".repeat(paddingBytes)}${terminator}`;
  }

  /** A write ends. */
  end(token: string, fate: WriteFate): void {
    const write = this.#writes.get(token);
    if (write === undefined) return;
    write.fate = fate;
    write.endedAt = ++this.#ended;
  }

  /**
   * What is wrong with the final value of a key; null when nothing is. Whoever read it says what {@link ended} was when the read
   * began: a write that was acknowledged later need not be in the value.
   */
  problemOf(key: string, value: string, ended: number): string | null {
    const counts = new Map<string, number>();
    for (const part of value.split(terminator)) {
      const token = part.replace(/\.+$/, "");
      if (token !== "") counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    for (const [token, count] of counts) {
      const write = this.#writes.get(token);
      if (write === undefined || write.key !== key) return `${key} holds ${token}, which nobody wrote there`;
      if (count > 1) return `${key} holds ${write.kind} ${token} ${count} times`;
      if (write.fate === "notDone") {
        return `${key} holds ${write.kind} ${token}, of which the client was told that it was not done`;
      }
    }
    if (this.#putKeys.has(key)) return null;
    for (const { token, fate, endedAt, key: at } of this.#writes.values()) {
      if (at === key && fate === "done" && endedAt <= ended && !counts.has(token)) {
        return `${key} lacks append ${token}, which was acknowledged`;
      }
    }
    return null;
  }
}
