/** The Internet checksum (RFC 1071), written for the tests: nothing of the product's is used to check the product. */

/** Sum of the big-endian 16-bit words, an odd last byte padded with zero; not folded, not inverted. */
export function wordSum(bytes: Buffer, start = 0): number {
  let sum = start;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  if (bytes.length % 2 === 1) sum += (bytes[bytes.length - 1] ?? 0) << 8;
  return sum;
}

function folded(sum: number): number {
  let left = sum;
  while (left > 0xffff) left = (left & 0xffff) + Math.floor(left / 0x10000);
  return left;
}

/** The one's complement of the folded sum. */
export function checksum(bytes: Buffer, start = 0): number {
  return ~folded(wordSum(bytes, start)) & 0xffff;
}

/** True where the sum over everything, the checksum included, is all ones. */
export function sumsUp(bytes: Buffer, start = 0): boolean {
  return folded(wordSum(bytes, start)) === 0xffff;
}

/** Sum of the pseudo header of IPv4 (RFC 768) or IPv6 (RFC 8200 section 8.1); `source` and `destination` in bytes. */
export function pseudoSum(source: Buffer, destination: Buffer, protocol: number, length: number): number {
  return wordSum(destination, wordSum(source)) + protocol + (length >>> 16) + (length & 0xffff);
}
