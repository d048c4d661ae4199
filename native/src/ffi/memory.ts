/** An address in this process. koffi hands pointers over as BigInt. */
export type Pointer = bigint;
/** What may be passed for `void *`. Never undefined: koffi makes a null pointer of it. */
export type Memory = Buffer | Pointer;
