/**
 * A state machine that remembers everything it was told, in order.
 *
 * @module
 */
import type { ApplyContext, SnapshotSource, StateMachine } from "../../../../raft/rsm/state_machine.ts";

/** Appends texts; a command's result is how many there are, a query's answer all of them. */
export class Journal implements StateMachine<string, number, "all" | "impossible", readonly string[]> {
  lines: string[] = [];
  contexts: ApplyContext[] = [];
  snapshots = 0;
  released = 0;
  restores = 0;
  /** Extra bytes that every snapshot carries. */
  ballastBytes = 0;

  apply(command: string, context: ApplyContext): number {
    if (command === "poison") throw new Error("cannot swallow poison");
    this.contexts.push(context);
    return this.lines.push(command);
  }

  query(query: "all" | "impossible"): readonly string[] {
    if (query === "impossible") throw new RangeError("no such question");
    return [...this.lines];
  }

  snapshot(): SnapshotSource {
    this.snapshots += 1;
    const bytes = new TextEncoder().encode(JSON.stringify([this.lines, "x".repeat(this.ballastBytes)]));
    return {
      async *chunks() {
        for (let offset = 0; offset < bytes.length; offset += 64) {
          await Promise.resolve();
          yield bytes.subarray(offset, offset + 64);
        }
      },
      release: () => {
        this.released += 1;
      },
    };
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
    this.lines = JSON.parse(text)[0];
    this.restores += 1;
  }
}
