import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TestAuthority } from "../../../net/testing/certificates.ts";
import { installPair, recoverPair, type StoredPair } from "./pair_store.ts";

const authority = new TestAuthority();

function newPair(): StoredPair {
  const { cert, key } = authority.issue({ name: "a.test" });
  const encoder = new TextEncoder();
  return { cert: encoder.encode(cert), key: encoder.encode(key) };
}

const old = newPair();
const renewed = newPair();

function withStore(body: (directory: string) => void): void {
  const root = Deno.makeTempDirSync();
  try {
    body(`${root}/store`);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function steps(): string[] {
  const names: string[] = [];
  withStore((directory) => {
    installPair(directory, old);
    installPair(directory, renewed, (step) => names.push(step));
  });
  return names;
}

Deno.test("an installed pair has its modes, and nothing else stays", () => {
  withStore((directory) => {
    installPair(directory, old);
    installPair(directory, renewed);
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["fullchain.pem", "privkey.pem"]);
    assert.equal((Deno.statSync(directory).mode ?? 0) & 0o777, 0o700);
    assert.equal((Deno.statSync(`${directory}/privkey.pem`).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(recoverPair(directory), renewed);
  });
});

for (const cut of steps()) {
  Deno.test(`an install that ends before "${cut}" leaves a pair that belongs together`, () => {
    withStore((directory) => {
      installPair(directory, old);
      assert.throws(() =>
        installPair(directory, renewed, (step) => {
          if (step === cut) throw new Error("cut");
        }), /cut/);
      const kept = recoverPair(directory);
      assert.ok(kept !== undefined);
      assert.deepEqual(
        kept,
        kept.cert.length === old.cert.length && String(kept.cert) ===
            String(old.cert)
          ? old
          : renewed,
      );
      assert.deepEqual(recoverPair(directory), kept);
    });
  });
}

Deno.test("an empty key file is no pair, and does not keep a new one out", () => {
  withStore((directory) => {
    installPair(directory, old);
    Deno.writeFileSync(`${directory}/privkey.pem`, new Uint8Array(0));
    assert.equal(recoverPair(directory), undefined);
    installPair(directory, renewed);
    assert.deepEqual(recoverPair(directory), renewed);
  });
});

Deno.test("a key of another certificate is refused, and the old pair stays", () => {
  withStore((directory) => {
    installPair(directory, old);
    assert.throws(() => installPair(directory, { cert: renewed.cert, key: old.key }));
    assert.deepEqual(recoverPair(directory), old);
  });
});

const script = fileURLToPath(new URL("../testing/killed_install.ts", import.meta.url));

for (const cut of steps()) {
  Deno.test(`a process that is killed before "${cut}" leaves a pair that belongs together`, async () => {
    const root = Deno.makeTempDirSync();
    try {
      const directory = `${root}/store`;
      installPair(directory, old);
      Deno.writeFileSync(`${root}/cert`, renewed.cert);
      Deno.writeFileSync(`${root}/key`, renewed.key);
      const { signal } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "-q",
          "--no-check",
          script,
          directory,
          `${root}/cert`,
          `${root}/key`,
          cut,
        ],
      }).output();
      assert.equal(signal, "SIGKILL");
      const kept = recoverPair(directory);
      assert.ok(kept !== undefined);
      assert.ok([old, renewed].some((pair) => String(pair.cert) === String(kept.cert)));
      installPair(directory, renewed);
      assert.deepEqual(recoverPair(directory), renewed);
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  });
}
