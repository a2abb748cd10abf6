import { settings } from '../settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Shorter ones stand in words by chance. */
const SHORTEST = 4;

/** Should a service or a client quote a credential, it is not passed on. */
export function hidingSecrets(environment: Environment): (text: string) => string {
  const secrets = settings.flatMap(({ name, secret }) => {
    const value = secret ? environment[name]?.trim() : undefined;
    return value === undefined || value.length < SHORTEST ? [] : [value];
  });
  return (text) => secrets.reduce((left, secret) => left.replaceAll(secret, '•••'), text);
}
