/**
 * Mistakes in the key/value store: sessions, snapshots and the Clerk.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const sessions = "kv/sessions.ts";
const machine = "kv/state_machine.ts";
const engine = "kv/clerk_engine.ts";
const calls = "kv/clerk_calls.ts";

/** See the module. */
export const keyValueMutants: readonly Mutant[] = [
  {
    name: "retry-executed-again",
    origin: "thesis 6.3; Redis-Raft 13",
    knownBug: 14,
    file: sessions,
    find: "    if (packed !== undefined) return unpackOutcome(packed);\n",
    replace: "    if (packed !== undefined && packed < 0) return unpackOutcome(packed);\n",
    whyItMatters: "an append whose reply was lost is done twice",
    provokes: ["exactly-once"],
  },
  {
    name: "batch-under-one-serial",
    origin: "thesis 6.3: each command has a serial number of its own",
    file: machine,
    find: "      serialNumber++;\n",
    replace: "",
    whyItMatters: "of the writes that travel together only the first is done",
    provokes: ["exactly-once"],
  },
  {
    name: "batch-begun-behind-a-gap",
    origin: "thesis 6.3: a command is repeated under the serial number it had",
    file: "kv/clerk_requests.ts",
    find: "return next.session === first.session && next.serialNumber === first.serialNumber + this.calls.length;",
    replace: "return next.session === first.session && next.serialNumber > first.serialNumber;",
    whyItMatters: "a write that is sent again among others gets the serial of another one",
  },
  {
    name: "result-forgotten-too-early",
    origin: "thesis 6.3: responses are discarded when the client has seen them",
    file: sessions,
    find: "if (this.serial < lowest) this.serial = 0;",
    replace: "if (this.serial <= lowest) this.serial = 0;",
    also: [{
      file: sessions,
      find: "if (lowest <= this.lowestOutstanding) return;",
      replace: "if (lowest < this.lowestOutstanding) return;",
    }],
    whyItMatters: "the oldest write that a client still waits for is done twice",
  },
  {
    name: "lowest-outstanding-off-by-one",
    origin: "thesis 6.3: the lowest sequence number without a response",
    file: calls,
    find: "    return this.#lowest;\n",
    replace: "    return Math.min(this.#lowest + 1, this.nextSerial);\n",
    whyItMatters: "the cluster forgets what the client still asks for",
  },
  {
    name: "snapshot-without-sessions",
    origin: "thesis 6.3: sessions are part of the replicated state",
    file: machine,
    find: "sessions: this.#sessions.freeze(),",
    replace: "sessions: new Float64Array(0),",
    also: [{ file: machine, find: "sessionCount: this.#sessions.size,", replace: "sessionCount: 0," }],
    whyItMatters: "a replica that starts from a snapshot knows no client",
    provokes: ["replica-state"],
  },
  {
    name: "sessions-lost-on-restore",
    origin: "thesis 6.3: sessions are part of the replicated state",
    file: machine,
    find: "    this.#sessions = sessions;\n",
    replace: "    this.#sessions = sessions.size < 0 ? sessions : new SessionTable(this.#options);\n",
    whyItMatters: "a replica that starts from a snapshot knows no client",
  },
  {
    name: "results-left-out-of-the-snapshot",
    origin: "thesis 6.3: responses are part of the replicated state",
    file: sessions,
    find: `        numbers[at++] = session.serial === 0 ? 0 : 1;
        if (session.serial !== 0) {`,
    replace: `        numbers[at++] = session.serial < 0 ? 1 : 0;
        if (session.serial < 0) {`,
    also: [{
      file: sessions,
      find: "length += 4 + 2 * ((session.serial === 0 ? 0 : 1) + (session.more?.size ?? 0));",
      replace: "length += 4 + 2 * (session.more === null ? 0 : session.sortedResults().length);",
    }],
    whyItMatters: "a retry after a restart is executed again",
  },
  {
    name: "snapshot-shares-nodes",
    origin: "a view of the state must not change while it is being written",
    knownBug: 18,
    file: "kv/ordered_map.ts",
    find: "    this.#owner = {};\n    this.#foundLeaf = null;\n    return new View",
    replace: "    return new View",
    whyItMatters: "a snapshot holds the effects of entries that will be applied to it once more",
  },
  {
    name: "versions-lost-in-the-snapshot",
    origin: "whatever decides about results belongs into the snapshot",
    file: "kv/store.ts",
    find: "{ value: kept, version, bytes, hash }",
    replace: "{ value: kept, version: Math.min(version, 1), bytes, hash }",
    whyItMatters: "a replica that starts from a snapshot answers with other versions",
  },
  {
    name: "session-activity-lost-on-restore",
    origin: "thesis 6.3: servers must agree on when to expire a session",
    file: sessions,
    find: "const session = new Session(id, lastActiveMs);",
    replace: "const session = new Session(id, 0);",
    whyItMatters: "a replica that starts from a snapshot expires sessions that the others keep",
  },
  {
    name: "lost-reply-taken-for-not-sent",
    origin: "a request whose reply was lost may have been executed; Redis-Raft 23",
    knownBug: 14,
    file: engine,
    find: `      case "lost":
        call.maybeExecuted = true;`,
    replace: `      case "lost":`,
    whyItMatters: "a client is told that a write was not done that was done",
  },
  {
    name: "expired-write-begun-anew",
    origin: "thesis 6.3: a client whose session has expired cannot know what was executed; Redis-Raft 13",
    knownBug: 14,
    file: engine,
    find: "        if (call.maybeExecuted) return this.#expired(call);\n",
    replace: "",
    also: [{ file: engine, find: "if (write.maybeExecuted) {", replace: "if (write.bytes < 0) {" }],
    whyItMatters: "a write is done once in each session",
  },
  {
    name: "new-serial-for-each-sending",
    origin: "paper 8: clients assign unique serial numbers to every command",
    knownBug: 14,
    file: engine,
    find: "    if (write.session === null) {\n",
    replace: "    if (write.session === null || write.maybeExecuted) {\n",
    whyItMatters: "a retry is not recognized as one",
  },
  {
    name: "malformed-message-believed",
    origin: "a frame that was damaged on its way must not become part of the log",
    file: "raft/wire/checksum.ts",
    find: "if (reader.unsigned() !== computed) throw",
    replace: "if (reader.unsigned() !== computed && computed < 0) throw",
    whyItMatters: "a flipped bit is replicated",
  },
];
