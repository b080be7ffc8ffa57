/**
 * The course's tests of memory, lab 2: a server must not keep what it has answered, nor much for each client it has seen.
 *
 * They differ from the course in two ways. A value has 1 MiB at the most here, so ten keys hold together what one holds
 * there. And a client of the tests with very many hangs up when it is done, since each has a connection: what counts is what
 * the *server* keeps of it, which is the same.
 *
 * @module
 */
import type { Clerk } from "../../../kv/mod.ts";
import { demand } from "../harness/world.ts";
import type { MemoryBench, MemoryCase } from "../memory/memory_case.ts";

const MiB = 1024 * 1024;

/** Ten keys, of 10 MiB together when each holds this. */
const keys = Array.from({ length: 10 }, (_, at) => `k${at}`);

/** A text of its own each time: nothing is shared that the server should have copied. */
function text(bytes: number): string {
  return new TextDecoder().decode(new Uint8Array(bytes).map((_, at) => 97 + (at * 31 + bytes) % 26));
}

const largeBytes = MiB - 1;

async function getAll(clerk: Clerk, length: number): Promise<void> {
  for (const key of keys) {
    const got = await clerk.get(key);
    demand(got.length === length, `${key} has ${got.length} characters, expected ${length}`);
  }
}

async function putAll(clerk: Clerk, value: () => string): Promise<void> {
  for (const key of keys) await clerk.put(key, value());
}

/** Many clients, each of which makes one call and goes; so many at a time. */
async function manyClients(
  bench: MemoryBench,
  sessions: boolean,
  call: (clerk: Clerk, number: number) => Promise<void>,
) {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let number = next++; number < bench.clients; number = next++) {
      await using clerk = bench.clerk({ sessions });
      await call(clerk, number);
    }
  };
  await Promise.all(Array.from({ length: 64 }, work));
  return bench.clients;
}

const perClient = (bytes: number) => (clients: number): number => bytes * clients;
const atMost = (bytes: number) => (): number => bytes;

/** The tests of memory, in the course's order. */
export const memoryCases: readonly MemoryCase[] = [
  {
    ...{ suite: "kvsrv", name: "TestMemGet2", limitBytes: atMost(10 * MiB) },
    async run(bench) {
      await using first = bench.clerk();
      await using second = bench.clerk();
      await putAll(first, () => text(largeBytes));
      await getAll(first, largeBytes);
      await getAll(second, largeBytes);
      await putAll(first, () => "0");
      return 4 * keys.length;
    },
  },
  {
    ...{ suite: "kvsrv", name: "TestMemPut2", limitBytes: atMost(10 * MiB) },
    async run(bench) {
      await using first = bench.clerk();
      await using second = bench.clerk();
      await putAll(first, () => text(largeBytes));
      await putAll(second, () => "");
      return 2 * keys.length;
    },
  },
  {
    ...{ suite: "kvsrv", name: "TestMemAppend2", limitBytes: atMost(30 * MiB) },
    async run(bench) {
      await using first = bench.clerk();
      await using second = bench.clerk();
      const halves = keys.flatMap((key) => [`${key}a`, `${key}b`]);
      for (const clerk of [first, second]) {
        for (const key of halves) await clerk.append(key, text(largeBytes >>> 1));
      }
      return 2 * halves.length;
    },
  },
  {
    ...{ suite: "kvsrv", name: "TestMemPutManyClients", limitBytes: perClient(200), hasManyClients: true },
    run: (bench) => manyClients(bench, true, (clerk) => clerk.put("k", text(1000))),
  },
  {
    ...{ suite: "kvsrv", name: "TestMemGetManyClients", limitBytes: perClient(10), hasManyClients: true },
    async prepare(bench) {
      await using clerk = bench.clerk();
      await clerk.put("k", text(1000));
    },
    run: (bench) =>
      manyClients(bench, true, async (clerk) => {
        demand((await clerk.get("k")).length === 1000, "the value has another length");
      }),
  },
  {
    ...{ suite: "kvsrv", name: "TestMemManyAppends", limitBytes: atMost(3_000_000) },
    async run(bench) {
      await using clerk = bench.clerk();
      const count = 1000;
      for (let call = 0; call < count; call++) await clerk.append("k", text(1000));
      demand((await clerk.get("k")).length === 1000 * count, "the value lacks an append, or has one twice");
      return count + 1;
    },
  },
  {
    ...{ suite: "kvsrv1", name: "TestMemPutManyClientsReliable", limitBytes: perClient(200), hasManyClients: true },
    isDiskSmall: true,
    async run(bench) {
      let version = 0;
      // Chained: each client's version is the one that the client before it has made.
      for (; version < bench.clients; version++) {
        await using clerk = bench.clerk({ sessions: false });
        const { kind } = await clerk.putIfVersion("k", text(1000), version);
        demand(kind === "ok", `put of version ${version} was answered ${kind}`);
      }
      return version;
    },
  },
];
