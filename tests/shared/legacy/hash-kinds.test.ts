import fc from "fast-check";
import { argon2d, argon2i, argon2id, bcrypt } from "hash-wasm";
import { describe, expect, it } from "vitest";
import { recogniseHash } from "../../../local/gateway/auth/password-hash.ts";
import { classifyHash } from "../../../shared/legacy/hash-kinds.ts";

const cheap = {
  password: "a secret",
  salt: new Uint8Array(16),
  iterations: 1,
  parallelism: 1,
  memorySize: 64,
  hashLength: 32,
  outputType: "encoded",
} as const;
const real = {
  bcrypt: await bcrypt({ ...cheap, costFactor: 4 }),
  argon2i: await argon2i(cheap),
  argon2id: await argon2id(cheap),
  argon2d: await argon2d(cheap),
};
const passlib =
  "$argon2id$v=19$m=65536,t=3,p=4$SMl5z1lr7f1fa20thTCG8A$XwKTQO7H9JRUNBGGdLnhUZ7hgvzwq0hPUXmMr6Y0zWU";

describe("classifyHash", () => {
  it.each([
    ["bcrypt", real.bcrypt],
    ["bcrypt", real.bcrypt.replace("$2a", "$2b")],
    ["bcrypt", real.bcrypt.replace("$2a", "$2y")],
    ["argon2i", real.argon2i],
    ["argon2id", real.argon2id],
    ["argon2id", passlib],
    ["argon2id", passlib.replace("m=65536,t=3,p=4", "m=1048576,t=20,p=16")],
    ["unsupported", passlib.replace("m=65536", "m=1048577")],
    ["unsupported", passlib.replace("t=3", "t=21")],
    ["unsupported", passlib.replace("p=4", "p=17")],
    ["unsupported", passlib.replace("p=4", "p=0")],
    ["unsupported", passlib.replace("v=19", "v=16")],
    ["unsupported", passlib.replace("p=4", "p=4,keyid=x")],
    ["unsupported", `${passlib}=`],
    ["unsupported", passlib + "A".repeat(200)],
    ["unsupported", real.argon2d],
    ["unsupported", real.bcrypt.replace("$04$", "$03$")],
    ["unsupported", real.bcrypt.replace("$04$", "$32$")],
    ["unsupported", real.bcrypt.slice(0, -1)],
    ["unsupported", real.bcrypt.replace("$2a", "$2x")],
    ["unsupported", "5f4dcc3b5aa765d61d8327deb882cf99"],
    ["unsupported", ` ${real.bcrypt}`],
    ["unsupported", `${real.bcrypt}\n`],
    ["unsupported", "!"],
    ["none", ""],
    ["none", null],
  ])("calls %s: %s", (kind, hash) => {
    expect(classifyHash(hash)).toBe(kind);
  });

  it("takes no hash that Supabase Auth refuses, however one is spoilt", () => {
    const spoilt = fc.tuple(
      fc.constantFrom(...Object.values(real), passlib),
      fc.nat(200),
      fc.string({ maxLength: 3 }),
    ).map(([hash, at, text]) => hash.slice(0, at) + text + hash.slice(at + text.length));
    fc.assert(fc.property(spoilt, (hash) => {
      const taken = !["unsupported", "none"].includes(classifyHash(hash));
      expect(taken).toBe(hash !== "" && recogniseHash(hash) !== null);
    }));
  });
});
