import assert from "node:assert/strict";
import { hasHash, hashFault } from "./hashes.ts";
import { sha512Crypt } from "./sha512_crypt.ts";
import { readUsers } from "./users.ts";

/** Of `openssl passwd -6` and `mkpasswd`, with lengths that take other ways through it. */
const SHA512: readonly (readonly [password: string, hash: string])[] = [
  [
    "Hello world!",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  ],
  [
    "Hello world!",
    "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
  ],
  [
    "x".repeat(100) + "é",
    "$6$ab$Z4SzyAOQgFNkbWGnSF/ml/b6BbpKiV6FcKan96oPpF2aDjqygy8OkZ4RvDmjfYi/lRRBTYLCISGyhoJcwOcYh0",
  ],
];

Deno.test("SHA-512 crypt agrees with other programs", () => {
  for (const [password, hash] of SHA512) assert.equal(sha512Crypt(password, hash), hash);
});

Deno.test("a password has the hashes that other programs make of it, and another one has not", async () => {
  const made = [
    // Of `htpasswd -B`, `argon2 -id -e` and `openssl passwd -6`, for "correct horse".
    ["bcrypt", "$2y$05$R3JNkKIQoiH7onTH8PkeeOtwdIWzvEkCzP9pMV0LUTbu/hQ5025Ym"],
    [
      "argon2id",
      "$argon2id$v=19$m=4096,t=2,p=1$c2FsdHNhbHQ$CKenyQBYugZw5wFrZTaehyF/jNk2bcSNQY7jAvjCc5k",
    ],
    [
      "sha512",
      "$6$pepper$eAQtOs5x0BUdulxAzj/qxBsQ9HFx8qUdjHdmS5FKODGOE8BFTsJrCWsboofymbihUgXKFBAmtfkCIaLiwpYd11",
    ],
  ] as const;
  for (const [name, hash] of made) {
    assert.equal(hashFault(hash), undefined, name);
    assert.equal(await hasHash("correct horse", hash), true, name);
    assert.equal(await hasHash("wrong horse", hash), false, name);
    assert.equal(await hasHash("", hash), false, name);
  }
});

Deno.test("a hash of another kind, or one that costs too much, is refused", () => {
  const salt = "c2FsdHNhbHQ";
  const key = "A".repeat(43);
  const rounds = `${"a".repeat(86)}`;
  for (
    const [hash, fault] of [
      ["$apr1$abc$def", /no hash of bcrypt/],
      ["{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", /no hash/],
      ["plain", /no hash/],
      ["", /no hash/],
      ["$1$a$b", /no hash/],
      [`$2y$14$${"a".repeat(53)}`, /cost above 13/],
      [`$argon2id$v=19$m=999999,t=2,p=1$${salt}$${key}`, /64 MiB/],
      [`$argon2id$v=19$m=1024,t=99,p=1$${salt}$${key}`, /16 passes/],
      [`$argon2i$v=19$m=1024,t=2,p=1$${salt}$${key}`, /no hash/],
      [`$6$rounds=999999999$salt$${rounds}`, /500000 rounds/],
    ] as const
  ) assert.match(hashFault(hash) ?? "", fault, hash);
});

Deno.test("a file of users is read line by line, and a fault names its line and nothing in it", () => {
  const hash = SHA512[0][1];
  const read = (text: string) => readUsers(new TextEncoder().encode(text));
  const { hashes, faults } = read(`# team\nalice:${hash}\r\n\nböb:${hash}\n`);
  assert.deepEqual([...hashes.keys()], ["alice", "böb"]);
  assert.deepEqual(faults, []);
  for (
    const [text, line, message] of [
      ["alice", 1, /name:hash/],
      [`x:${hash}\n:${hash}`, 2, /name:hash/],
      [`x:${hash}\nx:${hash}`, 2, /another line/],
      ["alice:SECRET123", 1, /no hash/],
      ["", 1, /no user/],
    ] as const
  ) {
    const [fault] = read(text).faults;
    assert.equal(fault.line, line, text);
    assert.match(fault.message, message);
    assert.doesNotMatch(fault.message, /SECRET123|alice/);
  }
  assert.match(readUsers(new Uint8Array([255, 58, 1])).faults[0].message, /UTF-8/);
});
