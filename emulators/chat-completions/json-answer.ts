import type { ChatRequest } from './chat-request.ts';
import { modelRefusal } from './refusal.ts';

/** The title in the form that a request asks for: as it is, or as JSON. */
export function inFormat(title: string, format: ChatRequest['response_format']): string {
  if (format?.type === 'json_object') return JSON.stringify({ title });
  if (format?.type !== 'json_schema') return title;
  return JSON.stringify(fill(format.json_schema.schema, title, 'response_format.json_schema.schema'));
}

const isSchema = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
// These leave a value as it is filled in here.
const words = [
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'title',
  'description',
  '$schema',
];

/**
 * A value for a schema: every text is the title.
 * @throws Refusal for a schema of more than objects, lists and plain values
 */
function fill(schema: unknown, title: string, at: string): unknown {
  if (!isSchema(schema)) throw notHere(at);
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0];
  const unknown = Object.keys(schema).find((word) => !words.includes(word));
  if (unknown !== undefined) throw notHere(`${at}.${unknown}`);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'string':
      return title;
    case 'number':
    case 'integer':
      return 0;
    case 'boolean':
      return false;
    case 'null':
      return null;
    case 'array':
      return [];
    case 'object': {
      const { properties: given = {} } = schema;
      if (!isSchema(given)) throw notHere(`${at}.properties`);
      const properties = Object.entries(given);
      return Object.fromEntries(
        properties.map(([name, inner]) => [name, fill(inner, title, `${at}.properties.${name}`)]),
      );
    }
    default:
      throw notHere(`${at}.type`);
  }
}

const notHere = (param: string) =>
  modelRefusal(
    `Unsupported schema: '${param}' is not supported with this model.`,
    param,
    'unsupported_value',
  );
