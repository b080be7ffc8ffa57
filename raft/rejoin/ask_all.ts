/**
 * Asks all other members how they are.
 *
 * @module
 */
import type { NodeId } from "../core/types.ts";
import { dial, type DialOutcome } from "../wire/dial.ts";
import type { Hello } from "../wire/hello.ts";
import { wireLimits } from "../wire/limits.ts";
import type { OpenStorageOptions } from "./options.ts";

/** How long one peer may take to answer, in milliseconds. */
export const askTimeoutMs = 1_000;

/** Says hello to every peer at once and hangs up. */
export function askAll(options: OpenStorageOptions, helloTo: (name: NodeId) => Hello): Promise<DialOutcome[]> {
  const { network, clock, others } = options;
  return Promise.all(
    Object.entries(others).map(async ([name, address]) => {
      const outcome = await dial(network, address, {
        hello: helloTo(name),
        clock,
        limits: wireLimits,
        timeoutMs: askTimeoutMs,
      });
      if (outcome.kind === "connected") outcome.connection.close("it has been asked");
      return outcome;
    }),
  );
}
