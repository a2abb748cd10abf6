import type { z } from 'zod';

/**
 * Faults that are settable while a stand-in runs. Unknown names and wrong values are refused with the list of the
 * known ones, so that a test that misspells a fault does not pass for want of it.
 */
export function makeFaults<Shape extends z.ZodObject>(schema: Shape, initial: z.input<Shape>) {
  let current = schema.parse(initial);
  return {
    get: (): z.output<Shape> => current,
    set(patch: Partial<z.input<Shape>>): void {
      const known = Object.keys(schema.shape);
      const unknown = Object.keys(patch).filter((name) => !known.includes(name));
      if (unknown.length > 0)
        throw new Error(`No fault is called ${unknown.join(', ')}; there are ${known.join(', ')}`);
      const result = schema.safeParse({ ...current, ...patch });
      if (!result.success)
        throw new Error(
          result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
        );
      current = result.data;
    },
  };
}

/** Runs an action by name; an unknown one is refused with the list of the known ones. */
export function runAction(
  actions: Record<string, (args: Record<string, unknown>) => unknown>,
  name: string,
  args: Record<string, unknown> = {},
): unknown {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action)
    throw new Error(`No action is called ${name}; there are ${Object.keys(actions).join(', ') || 'none'}`);
  return action(args);
}
