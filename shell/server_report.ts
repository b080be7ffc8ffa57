/**
 * What a server says when it is asked how it is.
 *
 * @module
 */
import type { KvStatus } from "../kv/mod.ts";

/** What one server says of itself, or that it cannot be reached. */
export type ServerReport = ReachableServer | UnreachableServer;

/** A server that answered. */
export interface ReachableServer extends KvStatus {
  /** Discriminates the union. */
  readonly kind: "up";
  /** Where it was asked, `HOST:PORT`. */
  readonly address: string;
}

/** A server that did not answer. */
export interface UnreachableServer {
  /** Discriminates the union. */
  readonly kind: "down";
  /** Where it was asked, `HOST:PORT`. */
  readonly address: string;
  /** Why there is no answer. */
  readonly reason: string;
}
