/** An answer that is no completion: thrown where a rule is broken, and sent as it is. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Record<string, string>;
  constructor(status: number, body: unknown, headers: Record<string, string> = {}) {
    super(`${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Azure's own refusals: at the gateway, before a model is reached. */
export const azureRefusal = (status: number, code: string, message: string, headers = {}): Refusal =>
  new Refusal(status, { error: { code, message } }, headers);

/** The model's own refusals, in OpenAI's form. */
export const modelRefusal = (message: string, param: string | null, code: string | null): Refusal =>
  new Refusal(400, { error: { message, type: 'invalid_request_error', param, code } });

export function tooManyRequests(retryAfterMs: number): Refusal {
  return azureRefusal(
    429,
    '429',
    `Requests to the ChatCompletions_Create Operation have exceeded call rate limit. Please retry after ${Math.ceil(retryAfterMs / 1000)} seconds.`,
    { 'retry-after': String(Math.ceil(retryAfterMs / 1000)), 'retry-after-ms': String(retryAfterMs) },
  );
}

/** Source: learn.microsoft.com/azure/ai-services/openai/concepts/content-filter, "Scenario details", a filtered prompt. */
export function filteredPrompt(): Refusal {
  const safe = { filtered: false, severity: 'safe' };
  return new Refusal(400, {
    error: {
      message:
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766",
      type: null,
      param: 'prompt',
      code: 'content_filter',
      status: 400,
      innererror: {
        code: 'ResponsibleAIPolicyViolation',
        content_filter_result: {
          hate: safe,
          jailbreak: { filtered: false, detected: false },
          self_harm: safe,
          sexual: safe,
          violence: { filtered: true, severity: 'medium' },
        },
      },
    },
  });
}
