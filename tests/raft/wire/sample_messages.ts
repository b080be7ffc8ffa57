/**
 * One message of each type and then some, with the array each is on the wire, less the checksum.
 *
 * @module
 */
import type { PeerMessage } from "../../../raft/core/message.ts";
import type { Entry } from "../../../raft/core/types.ts";
import type { CborValue } from "../../../raft/encoding/cbor.ts";

const header = { from: "n1", to: "n2", term: 7 } as const;
const configuration = { voters: ["n1", "n2", "n3"], outgoing: ["n1"], learners: ["n4"] };
const data = Uint8Array.of(0xca, 0xfe);

const entries: readonly Entry[] = [
  { kind: "command", index: 5, term: 3, clusterTimeMs: 1_790_000_000_000, data },
  { kind: "noop", index: 6, term: 7, clusterTimeMs: 0 },
  { kind: "configuration", index: 7, term: 7, clusterTimeMs: 1, configuration },
];

/** A message and its array. */
export const sampleMessages: readonly (readonly [message: PeerMessage, fields: readonly CborValue[]])[] = [
  [{ type: "PreVote", ...header, lastLog: { index: 4, term: 3 } }, [1, "n1", "n2", 7, [4, 3]]],
  [{ type: "PreVoteReply", ...header, voteGranted: true }, [2, "n1", "n2", 7, true]],
  [
    { type: "RequestVote", ...header, lastLog: { index: 0, term: 0 }, leadershipTransfer: true },
    [3, "n1", "n2", 7, [0, 0], true],
  ],
  [{ type: "RequestVoteReply", ...header, voteGranted: false }, [4, "n1", "n2", 7, false]],
  [
    { type: "AppendEntries", ...header, prevLog: { index: 4, term: 3 }, entries, leaderCommit: 2, readRound: 9 },
    [5, "n1", "n2", 7, [4, 3], 2, 9, [
      [5, 3, 0, 1_790_000_000_000, data],
      [6, 7, 1, 0, null],
      [7, 7, 2, 1, [["n1", "n2", "n3"], ["n1"], ["n4"]]],
    ]],
  ],
  [
    { type: "AppendEntries", ...header, prevLog: { index: 0, term: 0 }, entries: [], leaderCommit: 0, readRound: 0 },
    [5, "n1", "n2", 7, [0, 0], 0, 0, []],
  ],
  [
    { type: "AppendEntriesReply", ...header, success: false, matchIndex: 9, hint: { index: 3, term: 2 }, readRound: 4 },
    [6, "n1", "n2", 7, false, 9, [3, 2], 4],
  ],
  [
    {
      type: "InstallSnapshot",
      ...header,
      snapshot: { last: { index: 100, term: 6 }, configuration },
      offset: 1_048_576,
      data,
      checksum: 0xfedcba98,
      done: true,
    },
    [7, "n1", "n2", 7, [[100, 6], [["n1", "n2", "n3"], ["n1"], ["n4"]]], 1_048_576, data, 0xfedcba98, true],
  ],
  [
    { type: "InstallSnapshotReply", ...header, snapshot: { index: 100, term: 6 }, nextOffset: 2 ** 40 },
    [8, "n1", "n2", 7, [100, 6], 2 ** 40],
  ],
  [{ type: "TimeoutNow", ...header }, [9, "n1", "n2", 7]],
  [{ type: "ReadIndex", ...header, context: 2 ** 53 - 1 }, [10, "n1", "n2", 7, 2 ** 53 - 1]],
  [{ type: "ReadIndexReply", ...header, context: 12, index: 2 ** 52 }, [11, "n1", "n2", 7, 12, 2 ** 52]],
  [
    { type: "StateDigest", ...header, version: 1, index: 256, digest: 0xfedcba98, isQuestion: true },
    [128, "n1", "n2", 7, 1, 256, 0xfedcba98, true],
  ],
  [{ type: "Reminder", ...header, matchIndex: 2 ** 52 }, [129, "n1", "n2", 7, 2 ** 52]],
];
