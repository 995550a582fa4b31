/** A map that forgets what was not asked for longest. */
export class Memory<T> {
  private readonly entries = new Map<string, T>();

  constructor(private readonly most: number) {}

  get(key: string, make: () => T): T {
    const value = this.entries.get(key) ?? make();
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.most) {
      this.entries.delete(this.entries.keys().next().value!);
    }
    return value;
  }
}
