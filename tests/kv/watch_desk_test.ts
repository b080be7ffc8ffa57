import { assertEquals } from "@std/assert";
import { type WaitingWatch, type WatchAnswer, WatchDesk } from "../../kv/watch_desk.ts";
import { WatchHistory, type WatchSelection } from "../../kv/watch_history.ts";
import { FakeClock, settle } from "./fake_world.ts";

/** A desk whose watches note their answers. */
function deskWith(maxWaiting = 100, maxEvents = 64) {
  const history = new WatchHistory({ maxEvents });
  const clock = new FakeClock();
  const desk = new WatchDesk({ history, clock, maxWaiting });
  const answers = new Map<string, WatchAnswer>();
  const wait = (name: string, selection: WatchSelection, more: Partial<WaitingWatch> = {}): boolean =>
    desk.wait({
      ...{ selection, from: { index: history.index + 1, offset: 0 }, waitMs: 1000, maxBytes: 1000 },
      answer: (answer) => void answers.set(name, answer),
      isWanted: () => true,
      ...more,
    });
  const change = (...keys: string[]): void => {
    history.begin(history.index + 1);
    for (const key of keys) history.changed(key, { value: "v", version: 1, bytes: 1, hash: 0 });
    history.end();
  };
  const told = (name: string): string => {
    const answer = answers.get(name);
    if (answer?.kind !== "changes") return answer?.kind ?? "waits";
    return answer.changes.map(({ index, key }) => `${key}@${index}`).join(" ") + ` then ${answer.next.index}`;
  };
  return { desk, history, clock, wait, change, told };
}

const key = (name: string): WatchSelection => ({ isPrefix: false, key: name });
const prefix = (name: string): WatchSelection => ({ isPrefix: true, key: name });

Deno.test("WatchDesk: those are answered whose keys have changed, once, with all of one turn", async () => {
  const { desk, wait, change, told } = deskWith();
  wait("a", key("a"));
  wait("a/", prefix("a/"));
  wait("all", prefix(""));
  wait("b", key("b"));
  wait("longer", prefix("a/1/2/3"));
  change("a/1", "c");
  change("a/2");
  await settle();
  assertEquals(["a", "a/", "all", "b", "longer"].map(told), [
    "waits",
    "a/1@1 a/2@2 then 3",
    "a/1@1 c@1 a/2@2 then 3",
    "waits",
    "waits",
  ]);
  change("b");
  await settle();
  assertEquals([told("b"), told("a"), desk.size], ["b@3 then 4", "waits", 2]);
});

Deno.test("WatchDesk: a watch whose time is up is told that there was nothing, however much there was for others", async () => {
  const { desk, history, clock, wait, change, told } = deskWith(100, 4);
  wait("quiet", key("quiet"));
  wait("later", key("later"));
  for (let n = 0; n < 20; n++) change("other");
  await clock.advance(900);
  change("later");
  await settle();
  assertEquals(told("later"), "later@21 then 22", "what lies between did not concern it, although it is forgotten");
  await clock.advance(200);
  assertEquals([told("quiet"), desk.size, clock.timerCount], [" then 22", 0, 0]);
  assertEquals(history.listener, null);
});

Deno.test("WatchDesk: there is room for so many, those not counted who have gone", async () => {
  const { desk, wait, change, told } = deskWith(2);
  let isHere = true;
  assertEquals(wait("1", key("a"), { isWanted: () => isHere }), true);
  assertEquals(wait("2", prefix("a")), true);
  assertEquals(wait("3", key("a")), false);
  isHere = false;
  assertEquals(wait("3", key("a")), true);
  change("a");
  await settle();
  assertEquals([told("1"), told("2"), told("3"), desk.size], ["waits", "a@1 then 2", "a@1 then 2", 0]);
});

Deno.test("WatchDesk: a history that begins anew leaves behind who waited for what it skips", async () => {
  const { history, wait, change, told } = deskWith();
  change("a");
  wait("behind", key("a"));
  wait("ahead", key("a"), { from: { index: 50, offset: 0 } });
  history.restart(40);
  await settle();
  assertEquals([told("behind"), told("ahead")], ["compacted", "waits"]);
  history.begin(60);
  history.changed("a", undefined);
  history.end();
  await settle();
  assertEquals(told("ahead"), "a@60 then 61");
});

Deno.test("WatchDesk: closing answers all, leaves no timer, and lets nobody wait again", async () => {
  const { desk, clock, wait, change, told } = deskWith();
  wait("1", key("a"));
  wait("2", prefix("a"));
  change("a");
  desk.close();
  wait("3", key("a"));
  await settle();
  assertEquals([told("1"), told("2"), told("3"), clock.timerCount], ["closed", "closed", "closed", 0]);
});
