import { InvalidArgumentError } from 'commander';

/** Reads an option's file name: an empty one is a variable of a script that is not set. */
export function fileName(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('expected the name of a file');
  return text;
}
