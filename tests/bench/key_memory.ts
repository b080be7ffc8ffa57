/**
 * How much memory a key takes: `deno run --v8-flags=--expose-gc key_memory.ts KEYS VALUE_BYTES` prints a {@link KeyMemory} as
 * JSON. Of what can be reached only, so garbage is collected first.
 *
 * @module
 */
import { Store } from "../../kv/store.ts";
import { reachableBytes } from "../lab/memory/reachable_bytes.ts";

/** What is printed. */
export interface KeyMemory {
  /** Bytes that a key takes in all. */
  readonly bytes: number;
  /** Of which neither the key's own nor the value's. */
  readonly overheadBytes: number;
}

/** A text as it comes off a wire: one piece, which a text put together from others need not be. */
function flat(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

function measure(keys: number, valueBytes: number): KeyMemory {
  const before = reachableBytes();
  const store = new Store({});
  let ownBytes = 0;
  for (let serial = 0; serial < keys; serial++) {
    const key = flat(`key${serial}`);
    store.put(key, flat(String(serial).padStart(valueBytes, "v")));
    ownBytes += key.length + valueBytes;
  }
  const bytes = (reachableBytes() - before) / keys;
  // Looked at again, so that it cannot have been collected.
  if (store.entry("key0") === undefined) throw new Error("the store has lost a key");
  return { bytes, overheadBytes: bytes - ownBytes / keys };
}

if (import.meta.main) console.log(JSON.stringify(measure(Number(Deno.args[0]), Number(Deno.args[1]))));
