import type { TokenCredential } from '@azure/identity';
import OpenAI, { APIError } from 'openai';
import type { Config } from '../config.ts';
import { titlePrompt } from '../history/title.ts';
import { Failure } from '../pipeline/failures.ts';
import type { TitleModel } from '../pipeline/ports.ts';
import { type CallFacts, unwatched, type Watch } from '../pipeline/watch.ts';
import { DeadlineError, withDeadline } from './deadline.ts';

const SCOPE = 'https://cognitiveservices.azure.com/.default';
const ATTEMPT_TIMEOUT_MS = 15_000;
/** Reasoning models count their hidden tokens too: a tight cap brings an empty answer. */
export const MAX_COMPLETION_TOKENS = 1_000;

type Optional = { max_completion_tokens?: number; max_tokens?: number; temperature?: number };

/** What no request went out with: not even a part of the question was worked on. */
const UNSENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|.*(CERT|SELF_SIGNED|UNABLE_TO_).*)$/;
const isUnsent = (error: unknown): boolean =>
  UNSENT.test(String((error as { cause?: { code?: unknown } }).cause?.code));

/**
 * The title model behind either form of endpoint. Parameters that it refuses are dropped, once for all. `attemptMs`: how long the client
 * waits before it asks anew, within the deadline of the whole.
 */
export function openChatCompletions(
  config: Config,
  credential: TokenCredential,
  watch: Watch = unwatched,
  attemptMs: number = ATTEMPT_TIMEOUT_MS,
): TitleModel {
  const { endpoint, access, apiVersion, model, deadlineMs } = config.titles;
  const deployment = /\/openai\/deployments\/([^/]+)/.exec(new URL(endpoint).pathname)?.[1];
  const client = new OpenAI({
    baseURL: endpoint.replace(/\/+$/, ''),
    apiKey: access.kind === 'key' ? access.key : () => bearerOf(credential),
    // Azure reads a key from `api-key`; the bearer header that the client sends as well is taken by the v1 form.
    ...(access.kind === 'key' ? { defaultHeaders: { 'api-key': access.key } } : {}),
    ...(deployment === undefined ? {} : { defaultQuery: { 'api-version': apiVersion } }),
    maxRetries: 2,
    timeout: attemptMs,
  });
  let optional: Optional = { max_completion_tokens: MAX_COMPLETION_TOKENS };

  async function send(
    messages: { role: 'system' | 'user'; content: string }[],
    signal: AbortSignal,
    note: (facts: CallFacts) => void,
  ): Promise<string> {
    let attempts = 0;
    const asked = Buffer.byteLength(messages.map(({ content }) => content).join(''));
    // The client tells of none of its attempts.
    const counting = client.withOptions({
      async fetch(url, init) {
        attempts += 1;
        note({ asked });
        try {
          const response = await fetch(url, init);
          note({ status: response.status, retries: attempts - 1 });
          return response;
        } catch (error) {
          if (isUnsent(error)) note({ asked: 0 });
          throw error;
        }
      },
    });
    for (;;) {
      const sent = optional;
      try {
        const answer = await counting.chat.completions.create(
          { model: model ?? deployment!, messages, ...sent },
          { signal },
        );
        const choice = answer.choices[0];
        note({
          answeredBy: answer.model,
          ...(answer.usage && {
            inputTokens: answer.usage.prompt_tokens,
            outputTokens: answer.usage.completion_tokens,
          }),
          content: { input: messages, output: choice?.message.content ?? '' },
        });
        if (choice?.finish_reason === 'content_filter')
          throw new Failure('TitleRefused', 'the answer was filtered');
        if (choice?.finish_reason === 'length') return '';
        return choice?.message.content ?? '';
      } catch (error) {
        const param = refusedParameter(error, sent);
        if (param === undefined) throw error;
        // Another request may have met the same refusal meanwhile: then what it found is tried.
        if (optional !== sent) continue;
        const { [param]: refused, ...rest } = sent;
        // Older models know the cap by its former name only.
        optional = param === 'max_completion_tokens' && refused ? { ...rest, max_tokens: refused } : rest;
      }
    }
  }

  return {
    async ask(context) {
      const prompt = titlePrompt(context);
      const messages = [
        { role: 'system' as const, content: prompt.system },
        { role: 'user' as const, content: prompt.user },
      ];
      return watch.call('titles', 'chat', async (note) => {
        note({ model: model ?? deployment! });
        try {
          return await withDeadline(deadlineMs, 'the title model', (signal) => send(messages, signal, note));
        } catch (error) {
          throw error instanceof Failure ? error : titleFailure(error);
        }
      });
    },
  };
}

/** Asked for with each request: the credential keeps the token. */
async function bearerOf(credential: TokenCredential): Promise<string> {
  const token = await credential.getToken(SCOPE);
  if (!token) throw new Failure('TitleUnavailable', 'no token could be had for the title model');
  return token.token;
}

/** Which of the parameters sent a 400 blames. Older API versions name it in the message only, with `param: null`. */
function refusedParameter(error: unknown, sent: Optional): keyof Optional | undefined {
  if (!(error instanceof APIError) || error.status !== 400) return undefined;
  const { param, message } = error;
  return (Object.keys(sent) as (keyof Optional)[]).find((name) =>
    param
      ? param === name
      : /unrecognized|unsupported|not supported/i.test(message) && message.includes(name),
  );
}

/** Never the error's own message: a model's answer may quote the conversation. Of the cause only its codes are kept. */
function titleFailure(error: unknown): Failure {
  if (error instanceof DeadlineError) return new Failure('TitleUnavailable', error.message);
  if (error instanceof APIError && error.status !== undefined) {
    if (error.status === 400 && error.code === 'content_filter')
      return new Failure('TitleRefused', 'the title model answered 400 (content_filter)');
    return new Failure(
      'TitleUnavailable',
      `the title model answered ${error.status} (${error.code ?? error.name})`,
      { cause: { status: error.status, code: error.code } },
    );
  }
  return new Failure('TitleUnavailable', `the title model could not be reached (${(error as Error).name})`, {
    cause: codesOf(error),
  });
}

function codesOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  return { name: error.name, code: (error as { code?: unknown }).code, cause: codesOf(error.cause) };
}
