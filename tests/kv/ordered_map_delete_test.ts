import { assert, assertEquals } from "@std/assert";
import { OrderedMap, type OrderedMapView } from "../../kv/ordered_map.ts";
import { seededRandom } from "./seeded_random.ts";

function assertSame(view: OrderedMapView<number>, model: ReadonlyMap<string, number>, message: string): void {
  const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
  assertEquals(view.size, model.size, message);
  assertEquals([...view.range()].map(([key, value]) => [key, value]), sorted, message);
  assertEquals([...view.rangeBack()].map(([key, value]) => [key, value]), sorted.reverse(), `${message}, backwards`);
}

/** The first key that is not below `key`. */
function firstFrom(map: OrderedMap<number>, key: string): string | undefined {
  const first = map.range(key).next();
  return first.done ? undefined : first.value[0];
}

Deno.test("OrderedMap: equals a naive model under random writes and deletes, and its views never change", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const map = new OrderedMap<number>();
    const model = new Map<string, number>();
    const views: { view: OrderedMapView<number>; model: Map<string, number> }[] = [];
    const keySpace = seed % 3 === 0 ? 60 : 8000;
    for (let step = 0; step < 6000; step++) {
      // The map grows and shrinks by turns, so that nodes are split, joined and evened out.
      const deletes = Math.floor(step / 1500) % 2 === 0 ? 0.2 : 0.9;
      const key = `k${Math.floor(random() * keySpace).toString(36)}`;
      if (random() < 0.003) views.push({ view: map.snapshotView(), model: new Map(model) });
      if (random() < deletes) {
        const victim = random() < 0.3 ? key : firstFrom(map, key) ?? key;
        assertEquals(map.delete(victim), model.get(victim), `seed ${seed}`);
        model.delete(victim);
      } else {
        assertEquals(map.set(key, step), model.get(key), `seed ${seed}`);
        model.set(key, step);
      }
      if (step % 500 === 0) assertSame(map, model, `seed ${seed}, step ${step}`);
    }
    assertSame(map, model, `seed ${seed}`);
    for (const taken of views) assertSame(taken.view, taken.model, `seed ${seed}, view`);
  }
});

Deno.test("OrderedMap: can be emptied in any order, and filled again", () => {
  const order: Record<string, (keys: string[]) => string[]> = {
    ascending: (keys) => keys,
    descending: (keys) => keys.toReversed(),
    "from the middle": (keys) => [...keys.slice(keys.length / 2), ...keys.slice(0, keys.length / 2)],
    "every other": (keys) => [...keys.filter((_, at) => at % 2 === 0), ...keys.filter((_, at) => at % 2 === 1)],
  };
  const keys = Array.from({ length: 20_000 }, (_, n) => String(n).padStart(6, "0"));
  for (const [name, arrange] of Object.entries(order)) {
    const map = new OrderedMap<number>();
    for (let round = 0; round < 2; round++) {
      keys.forEach((key, n) => map.set(key, n));
      const whole = map.snapshotView();
      for (const key of arrange(keys)) assert(map.delete(key) !== undefined, `${name}: ${key}`);
      assertEquals([map.size, [...map.range()].length, map.delete("000001")], [0, 0, undefined], name);
      assert(map.nodeCount() <= 2, `${name}: ${map.nodeCount()} nodes for no key`);
      assertEquals([whole.size, whole.count(), whole.get("012345")], [20_000, 20_000, 12_345], name);
    }
  }
});

Deno.test("OrderedMap: ranges, ranges backwards and counts agree, wherever they begin and end", () => {
  const random = seededRandom(3);
  const map = new OrderedMap<number>();
  const key = (): string => Math.floor(random() * 1e6).toString(36);
  for (let step = 0; step < 30_000; step++) map.set(key(), step);
  for (const [victim] of [...map.range("5", "c")]) map.delete(victim);
  const all = [...map.range()].map(([found]) => found);
  for (let round = 0; round < 300; round++) {
    const [from, until] = round % 3 === 0 ? [all[Math.floor(random() * all.length)] ?? "", key()] : [key(), key()];
    const expected = all.filter((found) => found >= from && found < until);
    assertEquals([...map.range(from, until)].map(([found]) => found), expected);
    assertEquals([...map.rangeBack(from, until)].map(([found]) => found), expected.reverse());
    assertEquals(map.count(from, until), expected.length, `${from} to ${until}`);
    assertEquals(map.count(from), all.filter((found) => found >= from).length);
  }
});

Deno.test("OrderedMap: nodes go with the keys that were in them", () => {
  const map = new OrderedMap<number>();
  const keys = Array.from({ length: 100_000 }, (_, n) => String(n).padStart(6, "0"));
  keys.forEach((key, n) => map.set(key, n));
  const full = map.nodeCount();
  assert(full >= 100_000 / 64, `${full} nodes`);
  for (const key of keys) if (Number(key) % 100 !== 0) map.delete(key);
  assert(map.nodeCount() <= 1000 / 16 + 10, `${map.nodeCount()} nodes for 1000 keys`);
  for (const key of keys) if (Number(key) % 10_000 !== 0) map.delete(key);
  assert(map.nodeCount() <= 3, `${map.nodeCount()} nodes for 10 keys`);
});
