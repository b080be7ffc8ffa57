/**
 * What the course's pages print for each test, by edition: seconds, RPCs, bytes (2024, Raft only) and operations, which are
 * agreements for Raft and calls of clients for the others. 2026 runs separate processes under the race detector.
 *
 * @module
 */

/** The figures of one edition; absent where the page gives none. */
export interface PublishedFigures {
  /** Duration. */
  readonly seconds: number;
  /** Requests. */
  readonly rpcs?: number;
  /** Bytes, both ways. */
  readonly bytes?: number;
  /** Agreements or calls. */
  readonly operations?: number;
}

/** Editions of the course. */
export type Edition = 2024 | 2025 | 2026;

/** What is published of one test. */
export type Published = { readonly [edition in Edition]?: PublishedFigures };

/** seconds, RPCs, operations, bytes. */
type Row = readonly [seconds: number, rpcs?: number, operations?: number, bytes?: number];

function figures(row: Row | null): PublishedFigures | undefined {
  if (row === null) return undefined;
  const [seconds, rpcs, operations, bytes] = row;
  return {
    seconds,
    ...(rpcs === undefined ? {} : { rpcs }),
    ...(operations === undefined ? {} : { operations }),
    ...(bytes === undefined ? {} : { bytes }),
  };
}

function published(y2024: Row | null, y2025: Row | null = null, y2026: Row | null = null): Published {
  const rows = [[2024, figures(y2024)], [2025, figures(y2025)], [2026, figures(y2026)]] as const;
  return Object.fromEntries(rows.filter(([, row]) => row !== undefined));
}

const raft: Readonly<Record<string, Published>> = {
  TestInitialElection3A: published([3.5, 58, 0, 16840], [3.6, 106], [3.5, 32]),
  TestReElection3A: published([5.4, 118, 0, 25269], [7.6, 304], [6.2, 68]),
  TestManyElections3A: published([7.3, 624, 0, 138014], [8.4, 954], [9.8, 684]),
  TestBasicAgree3B: published([0.9, 16, 3, 4572], [1.3, 18], [1.6, 18]),
  TestRPCBytes3B: published([1.7, 48, 11, 114536], [2.8, 56], [3.3, 50]),
  TestFollowerFailure3B: published(null, [5.3, 188], [5.4, 58]),
  TestLeaderFailure3B: published(null, [6.4, 378], [6.5, 110]),
  TestFailAgree3B: published([3.6, 78, 7, 22131], [5.9, 176], [6.0, 61]),
  TestFailNoAgree3B: published([3.8, 172, 3, 40935], [4.3, 288], [4.0, 107]),
  TestConcurrentStarts3B: published([1.1, 24, 6, 7379], [1.5, 32], [1.4, 12]),
  TestRejoin3B: published([5.1, 152, 4, 37021], [5.3, 216], [7.8, 120]),
  TestBackup3B: published([17.2, 2080, 102, 1587388], [12.1, 1528], [27.7, 1370]),
  TestCount3B: published([2.2, 60, 12, 20119], [3.1, 106], [2.7, 32]),
  TestPersist13C: published([5.0, 86, 6, 22849], [6.6, 110], [7.6, 58]),
  TestPersist23C: published([17.6, 952, 16, 218854], [15.6, 428], [21.6, 287]),
  TestPersist33C: published([2.0, 34, 4, 8937], [3.1, 50], [3.8, 30]),
  TestFigure83C: published([31.2, 580, 32, 130675], [33.7, 654], [48.5, 499]),
  TestUnreliableAgree3C: published([1.7, 1044, 246, 366392], [2.1, 1076], [5.1, 288]),
  TestFigure8Unreliable3C: published([33.6, 10700, 308, 33695245], [31.9, 4400], [53.6, 3200]),
  TestReliableChurn3C: published([16.1, 8864, 1544, 44771259], [16.8, 4896], [18.2, 1701]),
  TestUnreliableChurn3C: published([16.5, 4220, 906, 6414632], [16.1, 7204], [17.3, 1253]),
  TestSnapshotBasic3D: published([11.6, 176, 192, 61716], [3.3, 522], [8.4, 279]),
  TestSnapshotInstall3D: published([64.2, 878, 336, 320610], [48.4, 2710], [59.6, 919]),
  TestSnapshotInstallUnreliable3D: published([81.1, 1059, 341, 375850], [56.1, 3025], [82.1, 1083]),
  TestSnapshotInstallCrash3D: published([53.5, 601, 339, 256638], [33.3, 1559], [53.6, 685]),
  TestSnapshotInstallUnCrash3D: published([63.5, 687, 336, 288294], [38.1, 1723], [66.2, 717]),
  TestSnapshotAllCrash3D: published([19.5, 268, 58, 81352], [11.2, 296], [20.4, 244]),
  TestSnapshotInit3D: published(null, [4.3, 84], [7.4, 79]),
};

const kvsrv: Readonly<Record<string, Published>> = {
  TestBasic2: published([3.8, 31135, 31135]),
  TestConcurrent2: published([4.7, 102853]),
  TestUnreliable2: published([4.1, 580, 496]),
  TestUnreliableOneKey2: published([0.6, 61, 52]),
  TestMemPutManyClients: published([11.5, 100000]),
  TestMemGetManyClients: published([12.2, 100001]),
};

const kvsrv1: Readonly<Record<string, Published>> = {
  TestReliablePut: published(null, [0.0, 5]),
  TestMemPutManyClientsReliable: published(null, [9.2]),
  TestPutConcurrentReliable: published(null, [3.1, 90171], [6.4, 11021]),
  TestUnreliableNet: published(null, null, [4.0, 268, 422]),
};

const lock: Readonly<Record<string, Published>> = {
  TestOneClientReliable: published(null, [2.0, 968]),
  TestManyClientsReliable: published(null, [2.1, 10789]),
  TestOneClientUnreliable: published(null, [2.3, 70]),
  TestManyClientsUnreliable: published(null, [3.6, 908]),
};

const rsm: Readonly<Record<string, Published>> = {
  TestBasic4A: published(null, [1.2, 48], [4.2, 50]),
  TestConcurrent4A: published(null, null, [1.0, 28]),
  TestLeaderFailure4A: published(null, null, [2.9, 32]),
  TestLeaderPartition4A: published(null, null, [3.6, 61]),
  TestRestartReplay4A: published(null, null, [28.4, 467]),
  TestShutdown4A: published(null, null, [10.0, 0]),
  TestRestartSubmit4A: published(null, null, [39.8, 463]),
};

/** Editions 2025 and 2026 have versioned puts in the place of these: `kvraft1`. */
const kvraft: Readonly<Record<string, Published>> = {
  TestBasic4A: published([15.5, 4576, 903]),
  TestSpeed4A: published([15.7, 3022]),
  TestConcurrent4A: published([15.9, 5884, 1160]),
  TestUnreliable4A: published([19.2, 3083, 441]),
  TestUnreliableOneKey4A: published([2.5, 218, 52]),
  // Three parts: progress in the majority, none in the minority, completion after heal.
  TestOnePartition4A: published([3.9, 275, 8]),
  TestManyPartitionsOneClient4A: published([23.8, 4501, 765]),
  TestManyPartitionsManyClients4A: published([23.5, 5692, 974]),
  TestPersistOneClient4A: published([22.2, 4721, 908]),
  TestPersistConcurrent4A: published([22.5, 5490, 1033]),
  TestPersistConcurrentUnreliable4A: published([26.5, 3532, 474]),
  TestPersistPartition4A: published([29.7, 6122, 1060]),
  TestPersistPartitionUnreliable4A: published([32.9, 2967, 317]),
  TestPersistPartitionUnreliableLinearizable4A: published([35.0, 8249, 746]),
  TestSnapshotRPC4B: published([4.0, 289, 63]),
  TestSnapshotSize4B: published([2.6, 2418, 800]),
  TestSpeed4B: published([3.2, 3025]),
  TestSnapshotRecover4B: published([21.9, 29266, 5820]),
  TestSnapshotRecoverManyClients4B: published([21.5, 33115, 6420]),
  TestSnapshotUnreliable4B: published([17.4, 3233, 482]),
  TestSnapshotUnreliableRecover4B: published([22.7, 3337, 471]),
  TestSnapshotUnreliableRecoverConcurrentPartition4B: published([30.4, 2725, 274]),
  TestSnapshotUnreliableRecoverConcurrentPartitionLinearizable4B: published([37.7, 8378, 681]),
};

/** In the page's one-second shape; ours has clients run for five. TestOnePartition4B is the sum of its three parts. */
const kvraft1: Readonly<Record<string, Published>> = {
  TestBasic4B: published(null, [3.2, 1041, 183], [3.5, 395, 122]),
  TestSpeed4B: published(null, [15.9, 3169], [33.4, 3291, 1002]),
  TestConcurrent4B: published(null, [3.9, 3247, 871], [4.1, 953, 558]),
  TestUnreliable4B: published(null, [5.3, 1035, 167], [4.6, 685, 210]),
  TestOnePartition4B: published(null, [5.8, 324], [7.8, 384]),
  TestManyPartitionsOneClient4B: published(null, [6.2, 958, 155], [9.4, 520, 114]),
  TestManyPartitionsManyClients4B: published(null, [6.8, 3096, 855], [16.1, 1271, 558]),
  TestPersistOneClient4B: published(null, [6.7, 311, 13], [8.4, 311, 62]),
  TestPersistConcurrent4B: published(null, [7.5, 1223, 95], [8.5, 994, 350]),
  TestPersistConcurrentUnreliable4B: published(null, [8.4, 804, 33], [10.3, 672, 114]),
  TestPersistPartition4B: published(null, [10.1, 1308, 105], [14.3, 804, 94]),
  TestPersistPartitionUnreliable4B: published(null, [11.9, 1040, 33], [22.0, 1229, 102]),
  TestPersistPartitionUnreliableLinearizable4B: published(null, null, [24.1, 4464, 444]),
  TestSnapshotRPC4C: published(null, [4.5, 241, 64], [4.8, 248, 72]),
  TestSnapshotSize4C: published(null, [11.4, 2526, 800], [21.0, 2569, 1200]),
  TestSpeed4C: published(null, [14.2, 3149], [24.9, 3208, 1002]),
  TestSnapshotRecover4C: published(null, [6.8, 305, 13], [8.2, 273, 50]),
  TestSnapshotRecoverManyClients4C: published(null, [9.0, 5583, 795], [12.5, 3525, 1670]),
  TestSnapshotUnreliable4C: published(null, [4.7, 977, 155], [5.5, 773, 230]),
  TestSnapshotUnreliableRecover4C: published(null, [8.6, 847, 33], [10.7, 804, 78]),
  TestSnapshotUnreliableRecoverConcurrentPartition4C: published(null, null, [17.4, 894, 94]),
  TestSnapshotUnreliableRecoverConcurrentPartitionLinearizable4C: published(null, null, [19.6, 2957, 368]),
};

/** The page of 2024 gives a total only, 101.5 s. */
const shardkv1: Readonly<Record<string, Published>> = {
  TestInitQuery5A: published(null, [0.0, 3]),
  TestStaticOneShardGroup5A: published(null, [5.1, 792, 180]),
  TestJoinBasic5A: published(null, [12.9, 6300]),
  TestDeleteBasic5A: published(null, [8.4, 1533]),
  TestJoinLeaveBasic5A: published(null, [13.7, 5676]),
  TestManyJoinLeaveReliable5A: published(null, [22.1, 3529]),
  TestManyJoinLeaveUnreliable5A: published(null, [54.8, 5055]),
  TestShutdown5A: published(null, [11.7, 2807]),
  TestProgressShutdown5A: published(null, [8.8, 974]),
  TestProgressJoin5A: published(null, [13.9, 2443, 390]),
  TestOneConcurrentClerkReliable5A: published(null, [20.0, 5326, 1248]),
  TestManyConcurrentClerkReliable5A: published(null, [20.4, 21688, 10500]),
  TestOneConcurrentClerkUnreliable5A: published(null, [25.8, 2654, 176]),
  TestManyConcurrentClerkUnreliable5A: published(null, [25.3, 7553, 1896]),
  TestJoinLeave5B: published(null, [9.2, 899]),
  TestRecoverCtrler5B: published(null, [26.4, 3724]),
  TestConcurrentReliable5C: published(null, [8.2, 1753]),
  TestAcquireLockConcurrentUnreliable5C: published(null, [23.8, 1850]),
  TestPartitionControllerJoin5C: published(null, [7.8, 876]),
  TestPartitionRecoveryReliableNoClerk5C: published(null, [36.8, 3981]),
  TestPartitionRecoveryUnreliableNoClerk5C: published(null, [52.4, 2901]),
  TestPartitionRecoveryReliableClerks5C: published(null, [60.2, 27415, 11182]),
  TestPartitionRecoveryUnreliableClerks5C: published(null, [60.5, 11422, 2336]),
};

/** By suite, then by official name. */
export const publishedFigures: Readonly<Record<string, Readonly<Record<string, Published>>>> = {
  raft,
  kvsrv,
  kvsrv1,
  lock,
  rsm,
  kvraft,
  kvraft1,
  shardkv1,
};
