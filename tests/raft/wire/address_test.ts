/** Addresses as people write them. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { AddressError, formatAddress, isLoopback, parseAddress } from "../../../raft/wire/address.ts";

Deno.test("address: what is read is written again", () => {
  for (const text of ["127.0.0.1:7001", "localhost:0", "n1.example.com:65535", "[::1]:7001", "[fe80::1]:80"]) {
    assertEquals(formatAddress(parseAddress(text)), text);
  }
  assertEquals(parseAddress("[::1]:7001"), { hostname: "::1", port: 7001 });
});

Deno.test("address: everything else is refused with the form to write", () => {
  const bad = ["", "7001", "host", "host:", ":7001", "host:65536", "host:1e3", "host:-1", "::1:7001", "[::1]", "a b:1"];
  for (const text of [...bad, "host:70010", "http://host:80", "host:7001 "]) {
    assertThrows(() => parseAddress(text), AddressError, `Cannot use the address "${text}": write HOST:PORT`);
  }
});

Deno.test("address: loopback", () => {
  for (const host of ["localhost", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) assert(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.evil.com", "1270.0.1.1"]) assert(!isLoopback(host), host);
});
