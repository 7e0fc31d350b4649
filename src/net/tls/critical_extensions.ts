/** Critical extensions of a certificate, which the runtime does not report (RFC 5280 section 4.2). @module */

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
  const [certificate] = valuesIn(der, 0, der.length);
  const [body] = contentOf(der, certificate);
  const extensions = contentOf(der, body).find(({ tag }) => tag === EXTENSIONS);
  const [list] = contentOf(der, extensions);
  return contentOf(der, list).flatMap((extension) => {
    const [oid, critical] = contentOf(der, extension);
    const isCritical = critical?.tag === BOOLEAN && der[critical.start] !== 0;
    return isCritical ? [dotted(der.subarray(oid.start, oid.end))] : [];
  });
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
