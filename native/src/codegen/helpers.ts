/** Functions that a generated file carries along where it needs them, so that it stands alone. */

export const HELPERS = {
  requireRoom: `function requireRoom(buffer: Buffer, offset: number, size: number, what: string): void {
  if (offset < 0 || offset + size > buffer.length) {
    throw new RangeError(\`\${what}: \${size} bytes at \${offset} do not fit a buffer of \${buffer.length}\`);
  }
}`,
  putBytes: `function putBytes(value: Uint8Array, length: number, buffer: Buffer, offset: number, what: string): void {
  if (value.length !== length) throw new RangeError(\`\${what}: \${value.length} bytes given, \${length} expected\`);
  buffer.set(value, offset);
}`,
  putString: `function putString(value: string, length: number, buffer: Buffer, offset: number, what: string): void {
  const bytes = Buffer.from(value);
  if (bytes.length > length || bytes.includes(0)) {
    throw new RangeError(\`\${what}: a text of at most \${length} bytes without a zero byte expected\`);
  }
  buffer.set(bytes, offset);
}`,
  getString: `function getString(buffer: Buffer, offset: number, length: number): string {
  const bytes = buffer.subarray(offset, offset + length);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? length : end);
}`,
  requireLength: `function requireLength(value: readonly unknown[], length: number, what: string): void {
  if (value.length !== length) throw new RangeError(\`\${what}: \${value.length} elements given, \${length} expected\`);
}`,
} as const;

export type HelperName = keyof typeof HELPERS;
