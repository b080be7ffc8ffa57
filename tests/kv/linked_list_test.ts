import { assertEquals } from "@std/assert";
import { type Linked, LinkedList } from "../../kv/linked_list.ts";
import { seededRandom } from "./seeded_random.ts";

class Item implements Linked<Item> {
  earlier: Item | null = null;
  later: Item | null = null;
}

Deno.test("a linked list does what a Set does", () => {
  const random = seededRandom(6);
  const list = new LinkedList<Item>();
  const model = new Set<Item>();
  for (let round = 0; round < 3000; round++) {
    if (random() < 0.55) {
      const item = new Item();
      list.add(item);
      model.add(item);
    } else {
      const item = [...model][Math.floor(random() * model.size)] ?? new Item();
      list.remove(item);
      list.remove(item);
      model.delete(item);
    }
    assertEquals(list.oldest, [...model][0] ?? null);
    if (round % 50 === 0) assertEquals([...list].every((item, at) => item === [...model][at]), true);
  }
  let seen = 0;
  for (const item of list) {
    list.remove(item);
    seen++;
  }
  assertEquals([seen, list.oldest], [model.size, null]);
});
