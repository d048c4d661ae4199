/** What was last written to a kernel map, so that only what differs is written again. */
export class Written<K, V> {
  readonly #texts = new Map<string, string>();

  /** `write` is to delete the key where it gets no value. What it throws leaves the key as it was. */
  constructor(private readonly write: (key: K, value: V | undefined) => void) {}

  /** `value` undefined: nothing is to be there. */
  set(key: K, value: V | undefined): void {
    const id = JSON.stringify(key);
    const text = value === undefined ? undefined : JSON.stringify(value);
    if (this.#texts.get(id) === text) return;
    this.write(key, value);
    if (text === undefined) this.#texts.delete(id);
    else this.#texts.set(id, text);
  }
}
