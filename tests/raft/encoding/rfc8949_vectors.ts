/**
 * The examples of RFC 8949, appendix A, sorted by whether the strict subset has them.
 *
 * @module
 */
import type { CborValue } from "../../../raft/encoding/cbor.ts";

/** An encoding of the table that the strict subset has, with its value. */
export interface AcceptedVector {
  /** The encoding. */
  readonly hex: string;
  /** What it means. */
  readonly value: CborValue;
}

/** An encoding of the table that the strict subset leaves out. */
export interface RefusedVector {
  /** The encoding. */
  readonly hex: string;
  /** Its diagnostic notation in the table. */
  readonly diagnostic: string;
  /** What the error must say. */
  readonly because: RegExp;
}

const oneToTwentyFive = Array.from({ length: 25 }, (_, at) => at + 1);

/** Rows that decode, and that the value encodes to. */
export const acceptedVectors: readonly AcceptedVector[] = [
  { hex: "00", value: 0 },
  { hex: "01", value: 1 },
  { hex: "0a", value: 10 },
  { hex: "17", value: 23 },
  { hex: "1818", value: 24 },
  { hex: "1819", value: 25 },
  { hex: "1864", value: 100 },
  { hex: "1903e8", value: 1000 },
  { hex: "1a000f4240", value: 1_000_000 },
  { hex: "1b000000e8d4a51000", value: 1_000_000_000_000 },
  { hex: "20", value: -1 },
  { hex: "29", value: -10 },
  { hex: "3863", value: -100 },
  { hex: "3903e7", value: -1000 },
  { hex: "fb3ff199999999999a", value: 1.1 },
  { hex: "fb7e37e43c8800759c", value: 1.0e300 },
  { hex: "fbc010666666666666", value: -4.1 },
  { hex: "f4", value: false },
  { hex: "f5", value: true },
  { hex: "f6", value: null },
  { hex: "40", value: new Uint8Array(0) },
  { hex: "4401020304", value: Uint8Array.of(1, 2, 3, 4) },
  { hex: "60", value: "" },
  { hex: "6161", value: "a" },
  { hex: "6449455446", value: "IETF" },
  { hex: "62225c", value: '"\\' },
  { hex: "62c3bc", value: "\u00fc" },
  { hex: "63e6b0b4", value: "\u6c34" },
  { hex: "64f0908591", value: "\ud800\udd51" },
  { hex: "80", value: [] },
  { hex: "83010203", value: [1, 2, 3] },
  { hex: "8301820203820405", value: [1, [2, 3], [4, 5]] },
  { hex: "98190102030405060708090a0b0c0d0e0f101112131415161718181819", value: oneToTwentyFive },
  { hex: "a0", value: {} },
  { hex: "a26161016162820203", value: { a: 1, b: [2, 3] } },
  { hex: "826161a161626163", value: ["a", { b: "c" }] },
  { hex: "a56161614161626142616361436164614461656145", value: { a: "A", b: "B", c: "C", d: "D", e: "E" } },
];

const beyond = /beyond 2\^53 - 1/;
const tag = /tags are not of the subset/;
const simple = /only false, true, null and float64/;
const finite = /must be finite/;
const indefinite = /indefinite lengths/;

/** Rows that must not decode. */
export const refusedVectors: readonly RefusedVector[] = [
  { hex: "1bffffffffffffffff", diagnostic: "18446744073709551615", because: beyond },
  { hex: "c249010000000000000000", diagnostic: "18446744073709551616", because: tag },
  { hex: "3bffffffffffffffff", diagnostic: "-18446744073709551616", because: beyond },
  { hex: "c349010000000000000000", diagnostic: "-18446744073709551617", because: tag },
  { hex: "f90000", diagnostic: "0.0", because: simple },
  { hex: "f98000", diagnostic: "-0.0", because: simple },
  { hex: "f93c00", diagnostic: "1.0", because: simple },
  { hex: "f93e00", diagnostic: "1.5", because: simple },
  { hex: "f97bff", diagnostic: "65504.0", because: simple },
  { hex: "fa47c35000", diagnostic: "100000.0", because: simple },
  { hex: "fa7f7fffff", diagnostic: "3.4028234663852886e+38", because: simple },
  { hex: "f90001", diagnostic: "5.960464477539063e-8", because: simple },
  { hex: "f90400", diagnostic: "0.00006103515625", because: simple },
  { hex: "f9c400", diagnostic: "-4.0", because: simple },
  { hex: "f97c00", diagnostic: "Infinity", because: simple },
  { hex: "f97e00", diagnostic: "NaN", because: simple },
  { hex: "f9fc00", diagnostic: "-Infinity", because: simple },
  { hex: "fa7f800000", diagnostic: "Infinity", because: simple },
  { hex: "fa7fc00000", diagnostic: "NaN", because: simple },
  { hex: "faff800000", diagnostic: "-Infinity", because: simple },
  { hex: "fb7ff0000000000000", diagnostic: "Infinity", because: finite },
  { hex: "fb7ff8000000000000", diagnostic: "NaN", because: finite },
  { hex: "fbfff0000000000000", diagnostic: "-Infinity", because: finite },
  { hex: "f7", diagnostic: "undefined", because: simple },
  { hex: "f0", diagnostic: "simple(16)", because: simple },
  { hex: "f8ff", diagnostic: "simple(255)", because: simple },
  { hex: "c074323031332d30332d32315432303a30343a30305a", diagnostic: '0("2013-03-21T20:04:00Z")', because: tag },
  { hex: "c11a514b67b0", diagnostic: "1(1363896240)", because: tag },
  { hex: "c1fb41d452d9ec200000", diagnostic: "1(1363896240.5)", because: tag },
  { hex: "d74401020304", diagnostic: "23(h'01020304')", because: tag },
  { hex: "d818456449455446", diagnostic: "24(h'6449455446')", because: tag },
  {
    hex: "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
    diagnostic: '32("http://www.example.com")',
    because: tag,
  },
  { hex: "a201020304", diagnostic: "{1: 2, 3: 4}", because: /a text string expected/ },
  { hex: "5f42010243030405ff", diagnostic: "(_ h'0102', h'030405')", because: indefinite },
  { hex: "7f657374726561646d696e67ff", diagnostic: '(_ "strea", "ming")', because: indefinite },
  { hex: "9fff", diagnostic: "[_ ]", because: indefinite },
  { hex: "9f018202039f0405ffff", diagnostic: "[_ 1, [2, 3], [_ 4, 5]]", because: indefinite },
  { hex: "9f01820203820405ff", diagnostic: "[_ 1, [2, 3], [4, 5]]", because: indefinite },
  { hex: "83018202039f0405ff", diagnostic: "[1, [2, 3], [_ 4, 5]]", because: indefinite },
  { hex: "83019f0203ff820405", diagnostic: "[1, [_ 2, 3], [4, 5]]", because: indefinite },
  {
    hex: "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
    diagnostic: "[_ 1, 2, 3, ... 25]",
    because: indefinite,
  },
  { hex: "bf61610161629f0203ffff", diagnostic: '{_ "a": 1, "b": [_ 2, 3]}', because: indefinite },
  { hex: "826161bf61626163ff", diagnostic: '["a", {_ "b": "c"}]', because: indefinite },
  { hex: "bf6346756ef563416d7421ff", diagnostic: '{_ "Fun": true, "Amt": -2}', because: indefinite },
];
