/** A worker's process as the world sees it. */
export type Process = {
  readonly name: string;
  /** By how much its clock is ahead of the broker's. */
  readonly skewMs: number;
  isAlive: boolean;
  /** From now on nothing of it happens any more. */
  crash(): void;
};
