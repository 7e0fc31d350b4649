/** Extensions of a certificate, which the runtime does not report (RFC 5280 section 4.2). @module */

const SEQUENCE = 0x30;
const BOOLEAN = 0x01;
/** `[3]`, what extensions are in. */
const EXTENSIONS = 0xa3;

/** One DER value: its tag, and where its content is. */
interface Value {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Object identifiers of the critical extensions, dotted.
 *
 * @param der A certificate that was read by a library before; what does not look like one has none.
 */
export function criticalExtensions(der: Uint8Array): string[] {
  return extensionsIn(der).flatMap(([oid, critical]) => {
    const isCritical = critical?.tag === BOOLEAN && der[critical.start] !== 0;
    return isCritical ? [dotted(der.subarray(oid.start, oid.end))] : [];
  });
}

/** `2.5.29.35`, the extension that names the key which has signed a certificate. */
const AUTHORITY_KEY = "2.5.29.35";
/** `[0]`, the identifier of that key. */
const KEY_IDENTIFIER = 0x80;

/** Identifier of the key that has signed `der`, a certificate; `undefined` where it does not say. */
export function authorityKeyIdentifier(der: Uint8Array): Uint8Array | undefined {
  const found = extensionsIn(der).find(([oid]) =>
    dotted(der.subarray(oid.start, oid.end)) === AUTHORITY_KEY
  );
  const value = found?.at(-1);
  if (value === undefined) return undefined;
  const [sequence] = valuesIn(der, value.start, value.end);
  const identifier = contentOf(der, sequence).find(({ tag }) => tag === KEY_IDENTIFIER);
  return identifier === undefined ? undefined : der.subarray(identifier.start, identifier.end);
}

/** The parts of each extension: its identifier, whether it is critical where that is written, its value. */
function extensionsIn(der: Uint8Array): readonly (readonly Value[])[] {
  const [certificate] = valuesIn(der, 0, der.length);
  const [body] = contentOf(der, certificate);
  const extensions = contentOf(der, body).find(({ tag }) => tag === EXTENSIONS);
  const [list] = contentOf(der, extensions);
  return contentOf(der, list).map((extension) => contentOf(der, extension))
    .filter(([oid]) => oid !== undefined);
}

function contentOf(der: Uint8Array, value: Value | undefined): Value[] {
  const isNested = value?.tag === SEQUENCE || value?.tag === EXTENSIONS;
  return value !== undefined && isNested ? valuesIn(der, value.start, value.end) : [];
}

function valuesIn(der: Uint8Array, from: number, to: number): Value[] {
  const values: Value[] = [];
  for (let at = from; at + 2 <= to;) {
    const tag = der[at];
    let length = der[at + 1];
    at += 2;
    if (length >= 0x80) {
      const octets = length - 0x80;
      length = 0;
      for (let i = 0; i < octets; i++) length = length * 256 + der[at + i];
      at += octets;
    }
    // Also where it is no number.
    if (!(at + length <= to)) break;
    values.push({ tag, start: at, end: at + length });
    at += length;
  }
  return values;
}

/** X.690 section 8.19. */
function dotted(oid: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const octet of oid) {
    number = number * 128 + (octet & 0x7f);
    if (octet >= 0x80) continue;
    if (numbers.length === 0) {
      const root = Math.min(2, Math.floor(number / 40));
      numbers.push(root, number - root * 40);
    } else {
      numbers.push(number);
    }
    number = 0;
  }
  return numbers.join(".");
}
