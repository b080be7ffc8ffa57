/**
 * The golden traces in `scenarios/`. After a deliberate change of the core: `deno run -RW tests/raft/core/scenarios_test.ts`
 * writes them anew, and the difference is to be read like any other.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { playScenario } from "./scenario.ts";

const directory = new URL("./scenarios/", import.meta.url);
const names = [...Deno.readDirSync(directory)].map((file) => file.name).sort();

if (import.meta.main) {
  for (const name of names) {
    const file = new URL(name, directory);
    await Deno.writeTextFile(file, playScenario(await Deno.readTextFile(file)));
  }
} else {
  for (const name of names) {
    Deno.test(`scenario ${name}`, async () => {
      const text = await Deno.readTextFile(new URL(name, directory));
      assertEquals(playScenario(text), text);
    });
  }
}
