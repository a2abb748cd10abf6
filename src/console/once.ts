export type Once<T> = {
  get(): Promise<T>;
  /** Undefined: nobody has asked for it, or it could not be had. */
  ifThere(): Promise<T> | undefined;
};

/** Made when it is asked for first, and kept. What fails is tried again by who asks next. */
export function once<T>(make: () => Promise<T>): Once<T> {
  let made: Promise<T> | undefined;
  return {
    get() {
      made ??= make().catch((error) => {
        made = undefined;
        throw error;
      });
      return made;
    },
    ifThere: () => made,
  };
}

/** Whoever asks while it is being found, or within so long after that, gets the same answer. */
export function shared<T>(keptMs: number, find: () => Promise<T>): { get(): Promise<T>; forget(): void } {
  let finding: Promise<T> | undefined;
  let foundAtMs = Number.NEGATIVE_INFINITY;
  let isForgotten = false;
  return {
    get() {
      if (finding && !isForgotten && performance.now() - foundAtMs < keptMs) return finding;
      isForgotten = false;
      foundAtMs = Number.POSITIVE_INFINITY;
      const found = find();
      finding = found;
      const end = (): void => {
        if (finding === found) foundAtMs = performance.now();
      };
      found.then(end, () => {
        if (finding === found) finding = undefined;
      });
      return found;
    },
    forget() {
      isForgotten = true;
    },
  };
}
