/**
 * Prints how many bytes of heap a store holds for each byte of text that has come by small appends. To be run with
 * `--v8-flags=--expose-gc`.
 *
 * @module
 */
import { getHeapStatistics } from "node:v8";
import { Store } from "../../kv/store.ts";

const keys = 10;
const piece = "0123456789";
const pieces = 100_000;

function collectGarbage(): void {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") throw new Error("Cannot measure without --v8-flags=--expose-gc");
  collect();
}

function grow(store: Store): void {
  for (let key = 0; key < keys; key++) {
    for (let n = 0; n < pieces; n++) store.append(`k${key}`, piece);
  }
}

// The code is optimized before anything is measured: what it then leaves out is what matters.
grow(new Store());
collectGarbage();
const before = getHeapStatistics().used_heap_size;
const store = new Store();
grow(store);
collectGarbage();
const held = getHeapStatistics().used_heap_size - before;
console.log((held / store.bytes).toFixed(2));
