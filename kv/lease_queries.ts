/**
 * Questions about leases, as values and as CBOR; see `queries.ts`.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import type { Lease, LeaseTable } from "./leases.ts";
import { maxPageLeases } from "./limits.ts";
import { arrayFrom, arrayOf, counterFrom, ShapeError } from "./shape.ts";

/** How a lease is. */
export interface LeaseState {
  /** Its id. */
  readonly id: number;
  /** How long it is, in milliseconds. */
  readonly ttlMs: number;
  /** How long it lasts unless it is kept alive, in milliseconds, by the clock of the server that was asked. */
  readonly remainingMs: number;
  /** Number of keys that are tied to it. */
  readonly keys: number;
}

/** Asks how a lease is. */
export interface LeaseQuery {
  /** Discriminates the union. */
  readonly kind: "lease";
  /** Its id. */
  readonly lease: number;
  /** What time the server thinks it is, since cluster time stands still between commands; 0 unless it says. */
  readonly nowMs: number;
}

/** Asks for the leases there are, those with smaller ids first. */
export interface LeasesQuery {
  /** Discriminates the union. */
  readonly kind: "leases";
  /** Those wanted have greater ids. */
  readonly after: number;
  /** As many as are wanted, from 1 to `maxPageLeases`. */
  readonly limit: number;
  /** See above. */
  readonly nowMs: number;
}

/** The answer to one of those. */
export type LeaseAnswer =
  /** How the lease is; null if there is none. */
  | { readonly kind: "lease"; readonly lease: LeaseState | null }
  /** Leases by ascending id; fewer than wanted when there are no more. */
  | { readonly kind: "leases"; readonly leases: readonly LeaseState[] };

/** How a lease is at a time. */
export function leaseState({ id, ttlMs, expiresAtMs, keyCount }: Lease, nowMs: number): LeaseState {
  return { id, ttlMs, remainingMs: Math.min(ttlMs, expiresAtMs - nowMs), keys: keyCount };
}

/** The answer to {@link LeasesQuery}. */
export function leasesOf(table: LeaseTable, query: LeasesQuery, clusterTimeMs: number): LeaseAnswer {
  const nowMs = Math.max(clusterTimeMs, query.nowMs);
  const leases: LeaseState[] = [];
  for (const lease of table.list(query.after, nowMs)) {
    if (leases.length === query.limit) break;
    leases.push(leaseState(lease, nowMs));
  }
  return { kind: "leases", leases };
}

/** The answer as CBOR. */
export function leaseAnswerToCbor(answer: LeaseAnswer): CborValue {
  const leases = answer.kind === "leases" ? answer.leases : answer.lease === null ? [] : [answer.lease];
  return leases.flatMap(({ id, ttlMs, remainingMs, keys }) => [id, ttlMs, remainingMs, keys]);
}

/** The inverse of {@link leaseAnswerToCbor}; throws {@link ShapeError} on anything else. */
export function leaseAnswerFromCbor(query: LeaseQuery | LeasesQuery, cbor: CborValue | undefined): LeaseAnswer {
  const fields = arrayFrom(cbor, "the leases");
  const most = query.kind === "lease" ? 1 : maxPageLeases;
  if (fields.length % 4 !== 0 || fields.length > 4 * most) throw new ShapeError("leases must come in fours");
  const leases: LeaseState[] = [];
  for (let at = 0; at < fields.length; at += 4) {
    const [id, ttlMs, remainingMs, keys] = arrayOf(fields.slice(at, at + 4), 4, "a lease");
    leases.push({
      id: counterFrom(id, 1, "the lease"),
      ttlMs: counterFrom(ttlMs, 1, "ttlMs"),
      remainingMs: counterFrom(remainingMs, 0, "remainingMs"),
      keys: counterFrom(keys, 0, "the number of keys"),
    });
  }
  return query.kind === "lease" ? { kind: "lease", lease: leases[0] ?? null } : { kind: "leases", leases };
}
