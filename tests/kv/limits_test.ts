import { assert } from "@std/assert";
import { maxDepth, maxItems } from "../../raft/encoding/cbor.ts";
import { wireLimits } from "../../raft/wire/limits.ts";
import * as limits from "../../kv/limits.ts";

Deno.test("limits: what one limit allows no other forbids", () => {
  const largestRequest = limits.maxKeyBytes + limits.maxValueBytes + 1024;
  assert(largestRequest < wireLimits.maxClientFrameBytes, "the largest write fits a client's frame");
  assert(largestRequest < wireLimits.maxReplyFrameBytes, "the largest value fits a reply");
  assert(limits.maxSnapshotFrameBytes > limits.snapshotSliceBytes + limits.maxKeyBytes + limits.maxValueBytes);
  assert(limits.maxOutstandingPerSession > limits.clerkMaxInflightCalls, "a Clerk's window is not the bottleneck");
  assert(limits.clerkMaxInflightCalls <= wireLimits.maxInflightRequests, "a server does not stop reading from a Clerk");
  assert(limits.clerkMaxInflightBytes + largestRequest < wireLimits.maxInflightBytes);
  assert(16 * limits.maxCounter <= Number.MAX_SAFE_INTEGER, "packed results stay exact");
  assert(8192 + 4 + 2 * limits.maxOutstandingPerSession < maxItems, "a frame of sessions is one item that can be read");
  assert(limits.maxPageBytes > 2 * (limits.maxKeyBytes + limits.maxValueBytes), "an entry fits a page");
  assert(2 * limits.maxPageBytes <= wireLimits.maxReplyFrameBytes, "a page fits a reply");
  assert(3 * limits.maxPageKeys < maxItems, "a page is one item that can be read");
  assert(16 * limits.largestNumber <= Number.MAX_SAFE_INTEGER && 5 * limits.maxTransactionOperations < 1000);
  assert(limits.deletedKeysPerCommand <= limits.maxDeletedKeys && limits.defaultPageKeys <= limits.maxPageKeys);
  assert(limits.clerkCallsPerRequest <= Math.min(limits.maxWritesPerCommand, limits.maxKeysPerRead));
  assert(
    3 * limits.clerkBytesPerRequest < wireLimits.maxClientFrameBytes,
    "many calls fit a frame, whatever their text",
  );
  assert(3 * limits.readReplyBytes + largestRequest < wireLimits.maxReplyFrameBytes, "many values fit a reply");
  assert(maxDepth >= 6);
});
