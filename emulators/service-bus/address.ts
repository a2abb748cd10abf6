/** The path of an entity. Clients in other languages write it as a URL: `amqps://HOST/PATH`. */
export const pathIn = (address: unknown): string => String(address ?? '').replace(/^amqps?:\/\/[^/]*\//i, '');
