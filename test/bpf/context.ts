/** `struct __sk_buff` (linux/bpf.h) as BPF_PROG_TEST_RUN takes it: only what the kernel lets a test set. */

export interface Context {
  readonly mark?: number;
  readonly priority?: number;
  readonly ingressIfindex?: number;
  readonly ifindex?: number;
  /** 5 words that programs share. */
  readonly cb?: readonly number[];
  readonly wireLength?: number;
  readonly gsoSegments?: number;
  readonly gsoSize?: number;
}

const BYTES = 192;
const AT = {
  mark: 8,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  cb: 48,
  wireLength: 160,
  gsoSegments: 164,
  gsoSize: 176,
} as const;

export function contextBytes({ cb = [], ...fields }: Context): Buffer {
  const bytes = Buffer.alloc(BYTES);
  for (const [name, value] of Object.entries(fields)) bytes.writeUInt32LE(value, AT[name as keyof typeof AT]);
  cb.forEach((word, index) => bytes.writeUInt32LE(word, AT.cb + index * 4));
  return bytes;
}
