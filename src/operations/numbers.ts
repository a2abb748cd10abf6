import { InvalidArgumentError } from 'commander';

/** Reads an option's number above 0. */
export const positive =
  (most: number) =>
  (text: string): number => {
    if (!/^\d+(\.\d+)?$/.test(text) || Number(text) <= 0 || Number(text) > most)
      throw new InvalidArgumentError(`expected a number above 0, at most ${most}`);
    return Number(text);
  };

/** Reads an option's whole number from 1. */
export const whole =
  (most: number) =>
  (text: string): number => {
    if (!/^[1-9]\d*$/.test(text) || Number(text) > most)
      throw new InvalidArgumentError(`expected a whole number from 1 to ${most}`);
    return Number(text);
  };
