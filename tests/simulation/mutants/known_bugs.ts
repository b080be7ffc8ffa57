/**
 * Bugs that Raft systems in use were found to have. Each is planted as a mutant.
 *
 * @module
 */

/** Bugs by the number that mutants name. */
export const knownBugs: Readonly<Record<number, string>> = {
  1: "membership changes that form disjoint majorities (Ongaro, raft-dev 2015)",
  2: "a configuration that is active when applied, not when appended (etcd)",
  3: "ReadIndex before the first commit of the term (Redis-Raft 22, 18, 19)",
  4: "a ReadIndex context used again on retry (etcd 20418, etcd-io/raft 397)",
  5: "a single voter's entries called committed before they are durable (etcd 14370)",
  6: "an entry of an earlier term committed by counting replicas (LogCabin 44)",
  7: "truncation bugs (qdrant 1329 and 2508, CockroachDB 63302, akka 151, CCF 5674)",
  8: "the acknowledgement of an old write taken for that of a newer one (etcd-io/raft async_storage_writes_append_aba_race)",
  9: "PreVote deadlocks: a node behind in terms is ignored (etcd 8243 and 9586, canonical/raft 279)",
  10: "a rejoining node disrupts the cluster (etcd 12959 and 14893)",
  11: "a non-voter elected (hashicorp 398), a gap after a restored snapshot",
  12: "snapshot and log do not fit together (Redis-Raft 42, 43 and 48, hashicorp 654, etcd 18055)",
  13: "data lost on failover, split brain, no leader in a healthy cluster (Redis-Raft 14, 17, 21, 28, 44)",
  14: "a committed write reported as not done, a write executed again and again (Redis-Raft 13 and 23)",
  15: "reads served before the replay has reached the commit index (Redis-Raft 18 and 30, etcd 3879)",
  16: "a leader's lease without bounds on clocks (Consul 54)",
  17: "term or vote not durable before the reply",
  18: "applied state and applied index that go apart (etcd 13766, 14685 and 17780)",
};
