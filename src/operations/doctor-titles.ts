import type { TokenCredential } from '@azure/identity';
import { openChatCompletions } from '../azure/chat-completions.ts';
import type { Config } from '../config.ts';
import { cleanTitle } from '../history/clean-title.ts';
import { Failure } from '../pipeline/failures.ts';
import type { AzCommands } from './az.ts';
import { ANSWER_MS, awayFinding } from './doctor-away.ts';
import { type Check, type Finding, failure, ok, warning } from './doctor-check.ts';
import type { Identity } from './doctor-identity.ts';
import type { Way } from './doctor-network.ts';
import { describeError, seeAbove, troubleOf } from './errors.ts';

const SERVICE = 'Title model';
/** A conversation of nobody's. */
const SAMPLE = [
  { role: 'user' as const, text: 'How do I keep tomato plants healthy on a windy balcony?' },
  { role: 'assistant' as const, text: 'Give them shelter from the wind, deep pots and even watering.' },
];

/** Whether the title model gives a title that is one. */
export function titleChecks(
  config: Config,
  credential: TokenCredential,
  way: Way,
  az: AzCommands,
  identity: Promise<Identity | undefined>,
): Check[] {
  const { titles } = config;

  async function refused(error: unknown): Promise<Finding> {
    if (!(error instanceof Failure)) throw error;
    const { status } = (error.cause ?? {}) as { status?: number };
    const found = describeError(error);
    if (status === 401 || status === 403)
      return titles.access.kind === 'key'
        ? failure(found, `AZURE_AI_API_KEY="$(${az.keys.titles})"`)
        : failure(
            `${found}: the identity needs Cognitive Services User or Cognitive Services OpenAI User on the AI service, whose network has to let it in as well`,
            az.titleRole(await identity),
          );
    if (status === 404)
      return failure(
        found,
        `AZURE_AI_CHAT_ENDPOINT or AZURE_AI_CHAT_MODEL, by one of: ${az.listDeployments()}`,
      );
    if (status === 400) return failure(found, 'AZURE_AI_API_VERSION, or another model');
    const away = await awayFinding(error, { way, ...az.away.titles });
    if (status !== undefined)
      return warning(`${found}: new conversations keep "New Conversation" meanwhile`, away?.mend);
    if (error.code === 'TitleRefused') return warning(found, "look at the deployment's content filter");
    return away ?? failure(found, seeAbove(troubleOf(error), SERVICE) ?? seeAbove('network', SERVICE));
  }

  return [
    {
      service: SERVICE,
      name: 'title',
      deadlineMs: Math.max(titles.deadlineMs, ANSWER_MS) + 1_000,
      async look() {
        const startedMs = performance.now();
        try {
          const answer = await openChatCompletions(config, credential).ask(SAMPLE);
          const title = cleanTitle(answer);
          const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
          if (title === undefined)
            return warning(`an answer in ${seconds} s, which is no title`, 'another model');
          return ok(`a title in ${seconds} s: ${title}`);
        } catch (error) {
          return refused(error);
        }
      },
    },
  ];
}
