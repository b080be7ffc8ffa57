/**
 * Mistakes in watches: what is told, from where on, and what is claimed to be known.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const history = "kv/watch_history.ts";

/** See the module. */
export const watchMutants: readonly Mutant[] = [
  {
    name: "watch-skips-an-entry",
    origin: "a watch goes on behind the last entry that it was told of, and nowhere else",
    file: history,
    find: "const next = { index: Math.max(from.index, this.#index + 1), offset: 0 };",
    replace: "const next = { index: Math.max(from.index, this.#index + 2), offset: 0 };",
    whyItMatters: "a change is never told, and nobody knows",
    focus: "features",
    provokes: ["watch"],
  },
  {
    name: "history-survives-a-restore",
    origin: "a node that has restored a snapshot knows nothing of what came before it",
    file: history,
    find: "    this.#index = this.#floor = index;\n",
    replace: "    this.#index = index;\n",
    whyItMatters: "a watch is told that nothing has happened while the node was away",
  },
  {
    name: "watch-asks-from-the-last-entry",
    origin: "each change is told once",
    file: "kv/watch.ts",
    find: "    this.#position = next;\n",
    replace: "    this.#position = { ...next, index: Math.max(1, next.index - 1) };\n",
    whyItMatters: "a change is told twice",
    focus: "features",
  },
];
