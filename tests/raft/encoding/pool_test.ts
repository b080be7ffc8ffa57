/** Copies that share memory but nothing else. */
import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { Pool } from "../../../raft/encoding/pool.ts";

Deno.test("pool: copies share memory and do not overlap, across pieces of memory too", () => {
  const pool = new Pool();
  const copies: Uint8Array[] = [];
  for (let round = 0; round < 1000; round++) {
    const bytes = new Uint8Array(round % 300).fill(round);
    copies.push(pool.copy(bytes, 0, bytes.length));
    bytes.fill(0xff);
  }
  for (const [round, copy] of copies.entries()) assertEquals(copy, new Uint8Array(round % 300).fill(round));
  assertStrictEquals(copies[1]?.buffer, copies[2]?.buffer);
});

Deno.test("pool: large arrays have memory of their own, and pools share nothing", () => {
  const pool = new Pool();
  const bytes = new Uint8Array(100_000).fill(7);
  assertEquals(pool.copy(bytes, 10, 99_000).buffer.byteLength, 98_990);
  assertNotStrictEquals(pool.copy(bytes, 0, 10).buffer, new Pool().copy(bytes, 0, 10).buffer);
});
