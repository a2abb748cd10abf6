import { z } from 'zod';
import { modelRefusal } from './refusal.ts';

const content = z.union([
  z.string(),
  z.array(z.looseObject({ type: z.enum(['text', 'refusal']), text: z.string().optional() })),
]);
const said = z.looseObject({ role: z.enum(['system', 'developer', 'user', 'tool']), content });
// Only a message of the model's own may have no content: it called tools instead.
const answered = z.looseObject({ role: z.literal('assistant'), content: content.nullish() });
const anything = z.unknown().optional();
const penalty = z.number().min(-2).max(2).nullish();

const JsonSchema = z.looseObject({ name: z.string().min(1), schema: z.record(z.string(), z.unknown()) });
const ResponseFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({ type: z.literal('json_schema'), json_schema: JsonSchema }),
]);

/**
 * A request, with the limits of learn.microsoft.com/azure/ai-foundry/openai/reference, "Chat completions - Create". What is
 * not listed is refused; what can only be refused is listed, so that `refuseParameters` says why.
 */
export const ChatRequest = z.strictObject({
  model: z.string().optional(),
  messages: z.array(z.discriminatedUnion('role', [said, answered])).min(1),
  temperature: z.number().min(0).max(2).nullish(),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  n: z.int().min(1).max(128).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).nullish(),
  response_format: ResponseFormat.nullish(),
  tools: z
    .array(
      z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string().min(1) }) }),
    )
    .min(1)
    .nullish(),
  tool_choice: anything,
  parallel_tool_calls: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  stream_options: anything,
  logprobs: z.boolean().nullish(),
  top_logprobs: anything,
  logit_bias: anything,
  modalities: z.array(z.string()).nullish(),
  audio: anything,
  functions: anything,
  function_call: anything,
  web_search_options: anything,
  // These leave a model free to answer as ours does.
  top_p: z.number().min(0).max(1).nullish(),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  seed: z.int().nullish(),
  reasoning_effort: z.string().nullish(),
  verbosity: z.string().nullish(),
  prediction: anything,
  // These say who asks and what for.
  user: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  metadata: anything,
  store: z.boolean().nullish(),
  service_tier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
  prompt_cache_retention: anything,
});
export type ChatRequest = z.infer<typeof ChatRequest>;

/**
 * Reads a request.
 * @throws Refusal that names the parameter, in the model's form
 */
export function readChat(body: object): ChatRequest {
  const { data, error } = ChatRequest.safeParse(body);
  if (data) return data;
  const issue = innermost(error.issues[0]!);
  const param = named(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const unknown = named([...issue.path, issue.keys[0]!]);
    throw modelRefusal(`Unknown parameter: '${unknown}'.`, unknown, 'unknown_parameter');
  }
  throw modelRefusal(`Invalid value for '${param}': ${issue.message}.`, param, 'invalid_value');
}

/** Of a value that may be of several kinds, what is wrong with it as the kind that it comes nearest to. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const [nearest] = issue.errors.flat().toSorted((one, other) => other.path.length - one.path.length);
  return nearest ? innermost({ ...nearest, path: [...issue.path, ...nearest.path] }) : issue;
}

/** As the service names a place: messages[0].content. */
const named = (path: PropertyKey[]): string =>
  path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text && `${text}.`}${String(step)}`),
    '',
  );
