import type { ChatRequest } from './chat-request.ts';
import { textOf } from './conversation-text.ts';
import type { ChatFaults } from './faults.ts';
import { modelRefusal, type Refusal } from './refusal.ts';

/**
 * Refuses what the service refuses, and what it would answer and the stand-in cannot.
 * @throws Refusal that names the parameter
 */
export function refuseParameters(request: ChatRequest, { reasoningModel }: ChatFaults): void {
  refuseCombinations(request);
  refuseUnsupported(request);
  if (reasoningModel) refuseForReasoning(request);
}

function refuseCombinations(request: ChatRequest): void {
  if (request.max_tokens != null && request.max_completion_tokens != null)
    throw modelRefusal(
      'Setting max_tokens and max_completion_tokens at the same time is not supported.',
      'max_tokens',
      'invalid_parameter_combination',
    );
  for (const name of ['tool_choice', 'parallel_tool_calls'] as const)
    if (request[name] != null && !request.tools)
      throw modelRefusal(`'${name}' is only allowed when 'tools' are specified.`, name, null);
  if (request.stream_options != null && !request.stream)
    throw modelRefusal(
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      'stream_options',
      null,
    );
  const isJson = request.response_format?.type === 'json_object';
  if (isJson && !request.messages.some(({ content }) => /json/i.test(textOf(content))))
    throw modelRefusal(
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
      'messages',
      null,
    );
}

function refuseUnsupported(request: ChatRequest): void {
  if (request.stream) throw notHere('stream', 'it answers as a whole');
  if (request.logprobs) throw notHere('logprobs', 'it has no probabilities');
  if (request.modalities?.some((kind) => kind !== 'text')) throw notHere('modalities', 'it answers in text');
  // With 'auto', which is the default, a model may answer without a call; and so does ours.
  if (request.tool_choice != null && request.tool_choice !== 'auto' && request.tool_choice !== 'none')
    throw notHere('tool_choice', 'it calls no tools');
  const others = [
    'top_logprobs',
    'logit_bias',
    'audio',
    'functions',
    'function_call',
    'web_search_options',
  ] as const;
  for (const name of others) if (request[name] != null) throw notHere(name, 'it knows nothing of the kind');
}

const notHere = (name: string, why: string): Refusal =>
  modelRefusal(
    `Unsupported parameter: '${name}' is not supported with this model: ${why}.`,
    name,
    'unsupported_parameter',
  );

/**
 * Sources: the bodies that OpenAI's reasoning models answer, as community.openai.com and azure-sdk issues quote them; and
 * learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning, "Not supported".
 */
function refuseForReasoning(request: ChatRequest): void {
  if (request.max_tokens != null)
    throw modelRefusal(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      'max_tokens',
      'unsupported_parameter',
    );
  for (const name of ['top_p', 'presence_penalty', 'frequency_penalty'] as const)
    if (request[name] != null)
      throw modelRefusal(
        `Unsupported parameter: '${name}' is not supported with this model.`,
        name,
        'unsupported_parameter',
      );
  if (request.temperature != null && request.temperature !== 1)
    throw modelRefusal(
      `Unsupported value: 'temperature' does not support ${request.temperature} with this model. Only the default (1) value is supported.`,
      'temperature',
      'unsupported_value',
    );
}
