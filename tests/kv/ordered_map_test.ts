import { assert, assertEquals } from "@std/assert";
import { OrderedMap, type OrderedMapView } from "../../kv/ordered_map.ts";
import { seededRandom } from "./seeded_random.ts";

function sortedPairs(model: Map<string, number>): [string, number][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function assertSame(view: OrderedMapView<number>, model: Map<string, number>, message: string): void {
  assertEquals(view.size, model.size, message);
  assertEquals([...view.range()].map(([key, value]) => [key, value]), sortedPairs(model), message);
}

Deno.test("OrderedMap: equals a sorted array under random writes, and its views never change", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const map = new OrderedMap<number>();
    const model = new Map<string, number>();
    const views: { view: OrderedMapView<number>; model: Map<string, number> }[] = [];
    const keySpace = seed % 3 === 0 ? 50 : 5000;
    for (let step = 0; step < 2000; step++) {
      const key = `k${Math.floor(random() * keySpace).toString(36)}`;
      if (random() < 0.01) views.push({ view: map.snapshotView(), model: new Map(model) });
      const previous = map.set(key, step);
      assertEquals(previous, model.get(key), `seed ${seed}`);
      model.set(key, step);
      const probe = `k${Math.floor(random() * keySpace).toString(36)}`;
      assertEquals(map.get(probe), model.get(probe), `seed ${seed}`);
    }
    assertSame(map, model, `seed ${seed}`);
    for (const taken of views) assertSame(taken.view, taken.model, `seed ${seed}, view`);
  }
});

Deno.test("OrderedMap: ranges are half open and start anywhere", () => {
  const random = seededRandom(7);
  const map = new OrderedMap<number>();
  const model = new Map<string, number>();
  for (let step = 0; step < 20_000; step++) {
    const key = Math.floor(random() * 1e6).toString(36);
    map.set(key, step);
    model.set(key, step);
  }
  const sorted = sortedPairs(model);
  for (let round = 0; round < 50; round++) {
    const [a, b] = [Math.floor(random() * 1e6).toString(36), Math.floor(random() * 1e6).toString(36)].sort();
    assert(a !== undefined && b !== undefined);
    const expected = sorted.filter(([key]) => key >= a && key < b);
    assertEquals([...map.range(a, b)].map(([key, value]) => [key, value]), expected);
    const first = map.range(a).next();
    assertEquals(first.done ? undefined : first.value[0], sorted.find(([key]) => key >= a)?.[0]);
  }
});

Deno.test("OrderedMap: the end of a range does not belong to it", () => {
  const map = new OrderedMap<number>();
  for (const key of ["a", "b", "c"]) map.set(key, 1);
  assertEquals([...map.range("a", "c")].map(([key]) => key), ["a", "b"]);
  assertEquals([...map.range("b", "b")], []);
});

Deno.test("OrderedMap: ascending and descending insertion keep order", () => {
  const ascending = new OrderedMap<number>();
  const descending = new OrderedMap<number>();
  const model = new Map<string, number>();
  for (let n = 0; n < 10_000; n++) {
    const key = String(n).padStart(6, "0");
    ascending.set(key, n);
    model.set(key, n);
  }
  for (let n = 9_999; n >= 0; n--) descending.set(String(n).padStart(6, "0"), n);
  assertSame(ascending, model, "ascending");
  assertSame(descending, model, "descending");
});

Deno.test("OrderedMap: keys are ordered by UTF-16 code units", () => {
  const map = new OrderedMap<number>();
  // U+FF61 sorts after the surrogates of U+1F600 in UTF-16 but before it in UTF-8.
  for (const key of ["\uff61", "\u{1f600}", "a", "Z", ""]) map.set(key, 1);
  assertEquals([...map.range()].map(([key]) => key), ["", "Z", "a", "\u{1f600}", "\uff61"]);
});

Deno.test("OrderedMap: a key that was just read is set like any other, and no view sees it", () => {
  const random = seededRandom(21);
  const map = new OrderedMap<number>();
  const model = new Map<string, number>();
  let view = map.snapshotView();
  let viewed = new Map<string, number>();
  for (let round = 0; round < 30_000; round++) {
    const key = `k${Math.floor(random() * 700)}`;
    assertEquals(map.get(key), model.get(key));
    const roll = random();
    const other = `k${Math.floor(random() * 700)}`;
    if (roll < 0.1) {
      map.delete(other);
      model.delete(other);
    } else if (roll < 0.2) {
      map.set(other, -round);
      model.set(other, -round);
    }
    if (roll > 0.99) {
      view = map.snapshotView();
      viewed = new Map(model);
    }
    assertEquals(map.set(key, round), model.get(key));
    model.set(key, round);
    assertEquals(view.get(key), viewed.get(key));
  }
  assertEquals([...map.range()], [...model].sort(([a], [b]) => a < b ? -1 : 1));
});
