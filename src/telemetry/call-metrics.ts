import type { Attributes, Meter } from '@opentelemetry/api';
import { type Dependency, Failure } from '../pipeline/failures.ts';
import type { CallFacts, Watch } from '../pipeline/watch.ts';
import { counterOf, histogramOf } from './instruments.ts';
import { label } from './metric-names.ts';
import { attribute, cosmosOperations, round, value } from './names.ts';

export type CallMetrics = {
  call: Watch['call'];
  /** History was written to, or needed no write. */
  wrote(kind: string): void;
};

type Called = { operation: string; facts: CallFacts; seconds: number; failure: Attributes };

/** Writes that the adapter makes beside the one of a round. */
const writesByOperation: Readonly<Record<string, string>> = { patch: 'patch', 'create-segment': 'segment' };
const overtaken = new Set<unknown>([409, 412]);

/** Times the calls to the services, by operation and by what they came to. */
export function makeCallMetrics(meter: Meter): CallMetrics {
  const retries = counterOf(meter, 'retries');
  const writes = counterOf(meter, 'writes');
  const conflicts = counterOf(meter, 'conflicts');
  const databaseDuration = histogramOf(meter, 'databaseDuration');
  const requestCharge = histogramOf(meter, 'requestCharge');
  const modelDuration = histogramOf(meter, 'modelDuration');
  const modelTokens = histogramOf(meter, 'modelTokens');
  const serviceBusDuration = histogramOf(meter, 'serviceBusDuration');
  conflicts.add(0);
  const wrote = (kind: string): void => writes.add(1, { [round.write]: kind });

  function redis({ operation, facts, seconds, failure }: Called): void {
    databaseDuration.record(seconds, {
      [attribute.DB_SYSTEM_NAME]: value.DB_SYSTEM_NAME_VALUE_REDIS,
      [attribute.DB_OPERATION_NAME]: operation,
      ...statusOf(attribute.DB_RESPONSE_STATUS_CODE, facts),
      ...failure,
    });
  }

  function cosmos({ operation, facts, seconds, failure }: Called): void {
    const attributes = {
      [attribute.DB_OPERATION_NAME]: cosmosOperations[operation] ?? operation,
      ...statusOf(attribute.DB_RESPONSE_STATUS_CODE, facts),
    };
    databaseDuration.record(seconds, {
      [attribute.DB_SYSTEM_NAME]: value.DB_SYSTEM_NAME_VALUE_AZURE_COSMOSDB,
      ...attributes,
      ...failure,
    });
    if (facts.requestUnits !== undefined) requestCharge.record(facts.requestUnits, attributes);
    if (overtaken.has(facts.status)) conflicts.add(1);
    else if (writesByOperation[operation] && isDone(facts)) wrote(writesByOperation[operation]);
  }

  function model({ operation, facts, seconds, failure }: Called): void {
    const asked: Attributes = {
      [attribute.GEN_AI_OPERATION_NAME]: operation,
      [attribute.GEN_AI_PROVIDER_NAME]: value.GEN_AI_PROVIDER_NAME_VALUE_AZURE_AI_OPENAI,
      ...(facts.model === undefined ? {} : { [attribute.GEN_AI_REQUEST_MODEL]: facts.model }),
    };
    modelDuration.record(seconds, {
      ...asked,
      ...statusOf(attribute.HTTP_RESPONSE_STATUS_CODE, facts),
      ...failure,
    });
    const tokens = (count: number | undefined, type: string): void => {
      if (count !== undefined) modelTokens.record(count, { ...asked, [attribute.GEN_AI_TOKEN_TYPE]: type });
    };
    tokens(facts.inputTokens, value.GEN_AI_TOKEN_TYPE_VALUE_INPUT);
    tokens(facts.outputTokens, value.GEN_AI_TOKEN_TYPE_VALUE_OUTPUT);
  }

  function serviceBus({ operation, seconds, failure }: Called): void {
    // How long nothing came is no measure of anything.
    if (operation === 'receive' && !(attribute.ERROR_TYPE in failure)) return;
    serviceBusDuration.record(seconds, {
      [attribute.MESSAGING_SYSTEM_NAME]: value.MESSAGING_SYSTEM_VALUE_SERVICEBUS,
      [attribute.MESSAGING_OPERATION_NAME]: operation,
      ...failure,
    });
  }

  const record: Record<Dependency, (called: Called) => void> = {
    redis,
    cosmos,
    titles: model,
    'service-bus': serviceBus,
  };

  return {
    wrote,
    async call(service, operation, work) {
      const startedMs = performance.now();
      const facts: CallFacts = {};
      let failure: Attributes = {};
      try {
        return await work((known) => void Object.assign(facts, known));
      } catch (error) {
        failure = { [attribute.ERROR_TYPE]: codeOf(error) };
        throw error;
      } finally {
        record[service]({ operation, facts, seconds: (performance.now() - startedMs) / 1000, failure });
        if (facts.retries) retries.add(facts.retries, { [label.dependency]: service });
      }
    },
  };
}

const isDone = ({ status }: CallFacts): boolean => Number(status) >= 200 && Number(status) < 300;

const statusOf = (name: string, { status }: CallFacts): Attributes =>
  status === undefined ? {} : { [name]: String(status) };

/** A failure's code; of an error that is none its own code or name: never its text. */
export function codeOf(error: unknown): string {
  if (error instanceof Failure) return error.code;
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return String(code ?? name ?? typeof error);
}
