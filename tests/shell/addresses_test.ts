import { assertEquals, assertThrows } from "@std/assert";
import { readAddress, readPeers, readServers, splitAddress } from "../../shell/addresses.ts";
import { UsageError } from "../../shell/failure.ts";

Deno.test("splitAddress reads names, IPv4 and bracketed IPv6 addresses", () => {
  assertEquals(splitAddress("127.0.0.1:7001"), { host: "127.0.0.1", port: 7001 });
  assertEquals(splitAddress("node-1.example:1"), { host: "node-1.example", port: 1 });
  assertEquals(splitAddress("[::1]:65535"), { host: "::1", port: 65_535 });
});

const badAddresses: readonly (readonly [address: string, problem: string])[] = [
  ["", "an address is missing"],
  ["localhost", '"localhost" has no port'],
  ["localhost:", '"localhost:" has no port'],
  [":7001", '":7001" has no host'],
  ["localhost:http", '"http" is not a port'],
  ["localhost:70000", "port 70000 does not exist (1 to 65535)"],
  ["local host:1", '"local host:1" contains a space'],
  ["::1:7001", '"::1" is not a host (an IPv6 address goes between brackets: [::1]:7001)'],
  ["http://localhost:7001", '"http://localhost:7001" is a URL'],
];

for (const [address, problem] of badAddresses) {
  Deno.test(`splitAddress says what is wrong with ${JSON.stringify(address)}`, () => {
    assertEquals(splitAddress(address), { problem });
  });
}

Deno.test("readAddress takes port 0 only where the system may choose", () => {
  assertEquals(readAddress("--listen", "127.0.0.1:0", true), "127.0.0.1:0");
  assertThrows(() => readAddress("--listen", "127.0.0.1:0"), UsageError, "port 0 cannot be dialled");
});

Deno.test("readServers reads a list, ignores spaces and drops what is named twice", () => {
  assertEquals(readServers("a:1, b:2,a:1"), ["a:1", "b:2"]);
});

Deno.test("readServers names the part that is wrong", () => {
  assertThrows(() => readServers("a:1,b,c:3"), UsageError, 'Cannot read --servers "a:1,b,c:3": "b" has no port');
  assertThrows(() => readServers("a:1,"), UsageError, "an address is missing");
});

Deno.test("readPeers reads ids and addresses", () => {
  assertEquals({ ...readPeers("n1=a:1, n2=[::1]:2") }, { n1: "a:1", n2: "[::1]:2" });
});

const badPeers: readonly (readonly [list: string, complaint: string])[] = [
  ["n1=a:1,n2", '"n2" has no id'],
  ["n1=a:1,n2=b", '"b" has no port; write n2=HOST:PORT, such as n2=127.0.0.1:7001'],
  ["n1=a:1,=b:2", '"=b:2" has no id before the ='],
  ["n1=a:1,n1=b:2", "n1 is named twice"],
  ["n1=a:1,,n2=b:2", "a peer is missing"],
  ["n1=a:0", "port 0 of n1 cannot be dialled"],
  [`${"x".repeat(65)}=a:1`, "is 65 characters long"],
];

for (const [list, complaint] of badPeers) {
  Deno.test(`readPeers says what is wrong with ${JSON.stringify(list.slice(0, 24))}`, () => {
    assertThrows(() => readPeers(list), UsageError, complaint);
  });
}

Deno.test("readPeers keeps ids apart from what every object has", () => {
  assertEquals(Object.keys(readPeers("constructor=a:1,__proto__=b:2")), ["constructor", "__proto__"]);
});
