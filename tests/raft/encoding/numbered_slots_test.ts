import { assertEquals } from "@std/assert";
import { NumberedSlots } from "../../../raft/encoding/numbered_slots.ts";
import { seededRandom } from "../../kv/seeded_random.ts";

Deno.test("numbered slots do what a Map does, in whatever order things are taken out", () => {
  const random = seededRandom(5);
  const slots = new NumberedSlots<number>();
  const model = new Map<number, number>();
  let next = 2 ** 40;
  for (let round = 0; round < 20_000; round++) {
    const isGrowing = Math.floor(round / 2000) % 2 === 0;
    if (random() < (isGrowing ? 0.6 : 0.3)) {
      // Not every number is used.
      next += 1 + Math.floor(random() * 3);
      slots.add(next, round);
      model.set(next, round);
    } else {
      const known = [...model.keys()];
      const number = random() < 0.1 ? next + 1 : known[Math.floor(random() ** 4 * known.length)] ?? next - 5;
      assertEquals(slots.get(number), model.get(number));
      assertEquals(slots.take(number), model.get(number));
      model.delete(number);
    }
    assertEquals([slots.size, slots.first], [model.size, model.keys().next().value ?? null]);
  }
  assertEquals([...slots], [...model]);
  for (const [number, item] of model) assertEquals(slots.take(number), item);
  assertEquals(slots.size, 0);
});
