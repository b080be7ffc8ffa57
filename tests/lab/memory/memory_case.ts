/**
 * The course's tests of memory: what a server still holds when its clients are done.
 *
 * @module
 */
import type { Clerk, ClerkOptions } from "../../../kv/mod.ts";
import type { SuiteName } from "../harness/lab_test_case.ts";

/** What a test of memory works with. */
export interface MemoryBench {
  /** Clients of the tests with very many of them. */
  readonly clients: number;
  /** A new client of the one server, with a connection of its own. */
  clerk(options?: ClerkOptions): Clerk;
}

/** One official test. */
export interface MemoryCase {
  /** Where it belongs. */
  readonly suite: Extract<SuiteName, "kvsrv" | "kvsrv1">;
  /** Its official name. */
  readonly name: string;
  /** By how much memory may have grown at the end, in bytes; for so many clients. */
  limitBytes(clients: number): number;
  /** Whether there are very many clients, which takes a while. */
  readonly hasManyClients?: boolean;
  /** Whether the disk may be in memory too, since little is ever on it: for what is done one after another. */
  readonly isDiskSmall?: boolean;
  /** What must be done before memory is measured for the first time, as far as it is not only code that gets warm. */
  readonly prepare?: (bench: MemoryBench) => Promise<void>;
  /** Runs it; resolves to the number of calls. */
  readonly run: (bench: MemoryBench) => Promise<number>;
}
