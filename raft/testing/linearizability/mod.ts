/**
 * Linearizability: record what clients of a store saw, check it, and draw it.
 *
 * @module
 */
export * from "./history.ts";
export { formatEvent, formatHistory, parseHistory, readHistory } from "./json_lines.ts";
export * from "./recorder.ts";
export * from "./model.ts";
export * from "./specification.ts";
export type { SearchSpace } from "./search_space.ts";
export * from "./register_model.ts";
export * from "./versioned_model.ts";
export * from "./lock_model.ts";
export * from "./store_model.ts";
export * from "./checker.ts";
export * from "./html.ts";
