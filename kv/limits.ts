/**
 * Every limit of the key/value layer in one place. Those marked *replicated* decide what a command does, so every node of
 * a cluster must hold the same figure: changing one is a change of the state machine's version.
 *
 * @module
 */

/** Longest key in bytes of UTF-8; the shortest has 1. Replicated. */
export const maxKeyBytes = 4 * 1024;

/** Largest value in bytes (a string counts as UTF-8), after an append too. Replicated. */
export const maxValueBytes = 1024 * 1024;

/** Bytes of all keys and values together; beyond it writes that would add bytes are refused. Replicated. */
export const maxStoreBytes = 2 * 1024 * 1024 * 1024;

/** A session without a command for longer than this, in milliseconds of cluster time, is forgotten. Replicated. */
export const sessionIdleMs = 60 * 60 * 1000;

/** Sessions kept at the most; one more evicts the one that was idle longest. Replicated. */
export const maxSessions = 200_000;

/**
 * How far a serial number may run ahead of the lowest outstanding one, which bounds the results that a session keeps:
 * `serialNumber < lowestOutstanding + maxOutstandingPerSession`. Replicated.
 */
export const maxOutstandingPerSession = 8192;

/** Session ids, serial numbers and versions are at most this, so that arithmetic on them stays exact. */
export const maxCounter = 2 ** 48;

/** What an increment counts stays within plus or minus this, so that it stays exact wherever it is kept. Replicated. */
export const largestNumber = 2 ** 48;

/** Comparisons and operations of a transaction, those of both its branches counted. Replicated. */
export const maxTransactionOperations = 128;

/** Writes that one command carries at the most. Replicated. */
export const maxWritesPerCommand = 1024;

/** Keys that one request reads at the most. */
export const maxKeysPerRead = 1024;

/** Once the values of a reply to such a request have so many bytes, the rest is left to be asked for again. */
export const readReplyBytes = 1024 * 1024;

/** Keys that one command deletes at the most, so that none takes more than some milliseconds. Replicated. */
export const maxDeletedKeys = 10_000;

/** The shortest and the longest lease of a lock, in milliseconds of cluster time. Replicated. */
export const minLeaseMs = 100;
export const maxLeaseMs = 60 * 60 * 1000;

/** Locks that may be held at a time; a further one is refused. Replicated. */
export const maxLocks = 100_000;

/** Changes that a node keeps for those who watch keys; a power of two. Not replicated: nodes may differ. */
export const maxWatchHistoryEvents = 65_536;

/** The same at a node that nobody has asked for changes yet; a power of two. */
export const quietWatchHistoryEvents = 1_024;

/** Bytes of those changes, each counted with its whole value. */
export const maxWatchHistoryBytes = 32 * 1024 * 1024;

/** The same at a node that nobody has asked for changes yet. */
export const quietWatchHistoryBytes = 1024 * 1024;

/** Watches that may wait at a node at a time; a further one is refused. */
export const maxWaitingWatches = 10_000;

/** The longest that a watch waits before it is answered with nothing, in milliseconds. */
export const maxWatchWaitMs = 30_000;

/** What a Clerk lets a watch wait, in milliseconds; so long at most is a node asked that has lost touch with the others. */
export const clerkWatchWaitMs = 5_000;

/** Bytes of changes that a Clerk asks for at a time, exceeded only by a single larger one. */
export const clerkWatchBytes = 1024 * 1024;

/** The shortest and the longest lease that keys can be tied to, in milliseconds of cluster time: 0.1 s and 31 days. Replicated. */
export const minTtlMs = 100;
export const maxTtlMs = 31 * 24 * 60 * 60 * 1000;

/** Leases that there may be at a time; a further one is refused. Replicated. */
export const maxLeases = 100_000;

/** Leases in a page of their list at the most. */
export const maxPageLeases = 1_000;

/** Keys that a Clerk deletes with one command when it deletes by prefix. */
export const deletedKeysPerCommand = 1_000;

/** Keys in a page of a range when nothing is said of it. */
export const defaultPageKeys = 1_000;

/** Keys in a page of a range at the most. */
export const maxPageKeys = 10_000;

/** Bytes of keys and values in a page of a range; `maxPageBytes > maxKeyBytes + maxValueBytes`, so that one fits. */
export const maxPageBytes = 4 * 1024 * 1024;

/** Size that a slice of a snapshot aims at, in bytes; a single large value may exceed it. */
export const snapshotSliceBytes = 64 * 1024;

/**
 * Largest frame inside a snapshot, in bytes; a larger length is damage.
 * `maxSnapshotFrameBytes > snapshotSliceBytes + maxKeyBytes + maxValueBytes`.
 */
export const maxSnapshotFrameBytes = 2 * 1024 * 1024;

/** Calls that a Clerk keeps under way on a connection; the others wait inside the Clerk. */
export const clerkMaxInflightCalls = 2048;

/** Bytes of calls that a Clerk keeps under way on a connection, exceeded only by a single larger call. */
export const clerkMaxInflightBytes = 16 * 1024 * 1024;

/** Calls that a Clerk sends in one request; `<= maxWritesPerCommand, maxKeysPerRead`. */
export const clerkCallsPerRequest = 256;

/** Bytes of calls after which it takes no further one into a request, so that no request comes near a frame's limit. */
export const clerkBytesPerRequest = 64 * 1024;
