import { randomUUID } from 'node:crypto';
import type { ChatRequest } from './chat-request.ts';
import { conversationText, textOf } from './conversation-text.ts';
import type { ChatFaults } from './faults.ts';
import { filteredPrompt, modelRefusal } from './refusal.ts';
import { titleFor } from './title.ts';

/** What a reasoning model thinks before it says a word, as a small one does at low effort. */
const HIDDEN_TOKENS = 192;

export type Completion = {
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
};

/**
 * Answers a request as the model would, and as the faults want it.
 * @throws Refusal where the model or the content filter refuses
 */
export function complete(request: ChatRequest, model: string, faults: ChatFaults, turn: number): Completion {
  const prompt = request.messages.map(({ content }) => textOf(content));
  refuseParameters(request, faults);
  const { contentFilter } = faults;
  if (contentFilter === true || (contentFilter && prompt.some((text) => text.includes(contentFilter))))
    throw filteredPrompt();
  const { text, isCut, hiddenTokens } = say(request, faults, turn);
  const reason = faults.finishReason ?? (isCut ? 'length' : 'stop');
  const promptTokens = countTokens(prompt.join('\n'));
  const completionTokens = hiddenTokens + countTokens(text);
  return {
    ...{ id: `chatcmpl-${randomUUID()}`, object: 'chat.completion', created: Math.floor(Date.now() / 1000) },
    ...{ model, system_fingerprint: null, prompt_filter_results: [] },
    choices: [
      {
        index: 0,
        finish_reason: reason,
        logprobs: null,
        content_filter_results: {},
        // A filtered answer has no content at all.
        message: {
          role: 'assistant',
          refusal: null,
          ...(reason === 'content_filter' ? {} : { content: text }),
        },
      },
    ],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      completion_tokens_details: { reasoning_tokens: hiddenTokens },
    },
  } as Completion;
}

/** Source: the bodies that OpenAI's reasoning models answer; community.openai.com and azure-sdk issues quote them. */
function refuseParameters(request: ChatRequest, { reasoningModel }: ChatFaults): void {
  if (request.max_tokens != null && request.max_completion_tokens != null)
    throw modelRefusal(
      'Setting max_tokens and max_completion_tokens at the same time is not supported.',
      'max_tokens',
      'invalid_parameter_combination',
    );
  if (!reasoningModel) return;
  if (request.max_tokens != null)
    throw modelRefusal(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      'max_tokens',
      'unsupported_parameter',
    );
  if (request.temperature != null && request.temperature !== 1)
    throw modelRefusal(
      `Unsupported value: 'temperature' does not support ${request.temperature} with this model. Only the default (1) value is supported.`,
      'temperature',
      'unsupported_value',
    );
}

function say(
  request: ChatRequest,
  { answer, reasoningModel }: ChatFaults,
  turn: number,
): { text: string; isCut: boolean; hiddenTokens: number } {
  const given = Array.isArray(answer) ? answer[turn % answer.length] : answer;
  const text = given ?? titleFor(conversationText(request.messages));
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY;
  const hiddenTokens = reasoningModel ? Math.min(HIDDEN_TOKENS, limit) : 0;
  const left = limit - hiddenTokens;
  if (countTokens(text) <= left) return { text, isCut: false, hiddenTokens };
  return { text: text.slice(0, left * 4).toWellFormed(), isCut: true, hiddenTokens };
}

/** About four characters to a token: near enough for counters. */
const countTokens = (text: string): number => Math.ceil(text.length / 4);
