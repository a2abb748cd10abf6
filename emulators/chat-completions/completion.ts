import { randomUUID } from 'node:crypto';
import type { ChatRequest } from './chat-request.ts';
import { conversationText, textOf } from './conversation-text.ts';
import type { ChatFaults } from './faults.ts';
import { inFormat } from './json-answer.ts';
import { filteredPrompt } from './refusal.ts';
import { refuseParameters } from './refuse-parameters.ts';
import { titleFor } from './title.ts';

/** What a reasoning model thinks before it says a word, as a small one does at low effort. */
const HIDDEN_TOKENS = 192;

export type Completion = {
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
};

/**
 * Answers a request as the model would, and as the faults want it.
 * @param nextTurn counts the answers, of which `answer` may hold several
 * @throws Refusal where the model or the content filter refuses
 */
export function complete(
  request: ChatRequest,
  model: string,
  faults: ChatFaults,
  nextTurn: () => number,
): Completion {
  const prompt = request.messages.map(({ content }) => textOf(content));
  refuseParameters(request, faults);
  const { contentFilter } = faults;
  if (contentFilter === true || (contentFilter && prompt.some((text) => text.includes(contentFilter))))
    throw filteredPrompt();
  const said = Array.from({ length: request.n ?? 1 }, () => say(request, faults, nextTurn()));
  const sum = (of: (one: Said) => number): number => said.reduce((total, one) => total + of(one), 0);
  const promptTokens = countTokens(prompt.join('\n'));
  const hiddenTokens = sum((one) => one.hiddenTokens);
  const completionTokens = hiddenTokens + sum(({ text }) => countTokens(text));
  return {
    ...{ id: `chatcmpl-${randomUUID()}`, object: 'chat.completion', created: Math.floor(Date.now() / 1000) },
    ...{ model, system_fingerprint: null, prompt_filter_results: [] },
    choices: said.map(({ text, isCut }, index) => {
      const reason = faults.finishReason ?? (isCut ? 'length' : 'stop');
      return {
        index,
        finish_reason: reason,
        logprobs: null,
        content_filter_results: {},
        // A filtered answer has no content at all.
        message: {
          role: 'assistant',
          refusal: null,
          ...(reason === 'content_filter' ? {} : { content: text }),
        },
      };
    }),
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      completion_tokens_details: { reasoning_tokens: hiddenTokens },
    },
  } as Completion;
}

type Said = { text: string; isCut: boolean; hiddenTokens: number };

function say(request: ChatRequest, { answer, reasoningModel }: ChatFaults, turn: number): Said {
  const given = Array.isArray(answer) ? answer[turn % answer.length] : answer;
  const whole = given ?? inFormat(titleFor(conversationText(request.messages)), request.response_format);
  const text = upTo(whole, request.stop ?? []);
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY;
  const hiddenTokens = reasoningModel ? Math.min(HIDDEN_TOKENS, limit) : 0;
  const left = limit - hiddenTokens;
  if (countTokens(text) <= left) return { text, isCut: false, hiddenTokens };
  return { text: text.slice(0, left * 4).toWellFormed(), isCut: true, hiddenTokens };
}

/** The text before the first of the sequences at which the model is to stop. */
function upTo(text: string, stop: string | string[]): string {
  const ends = [stop].flat().map((sequence) => text.indexOf(sequence));
  return text.slice(0, Math.min(...ends.filter((end) => end >= 0), text.length));
}

/** About four characters to a token: near enough for counters. */
const countTokens = (text: string): number => Math.ceil(text.length / 4);
