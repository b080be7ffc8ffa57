/**
 * Five clients that append to one key over an unreliable network.
 *
 * @module
 */
import type { LabCase } from "../harness/lab_test_case.ts";
import { demand } from "../harness/world.ts";
import { kvCase } from "./kv_case.ts";

const clients = 5;
const appendsOfEach = 10;

/** Fails unless the value holds each word of all clients once, those of each in order, and nothing else. */
function checkConcurrentAppends(value: string, counts: readonly number[]): void {
  const words = value.match(/x \d+ \d+ y/g) ?? [];
  demand(words.join("") === value, `the value holds more than what was appended: ${value}`);
  for (const [number, count] of counts.entries()) {
    const own = words.filter((word) => word.startsWith(`x ${number} `));
    const expected = Array.from({ length: count }, (_, at) => `x ${number} ${at} y`);
    demand(own.join() === expected.join(), `the ${count} appends of client ${number} left ${own.join(", ")}`);
  }
}

/** The test, with so many servers. */
export function unreliableOneKeyCase(suite: "kvsrv" | "kvraft", name: string, peers: number): LabCase {
  return kvCase(suite, name, { peers, isReliable: false }, async (cluster) => {
    const main = cluster.client();
    await main.put("k", "");
    await Promise.all(Array.from({ length: clients }, async (_, number) => {
      const client = cluster.client();
      for (let count = 0; count < appendsOfEach; count++) await client.append("k", `x ${number} ${count} y`);
    }));
    checkConcurrentAppends(await main.get("k"), new Array(clients).fill(appendsOfEach));
  });
}
