import { Failure } from '../pipeline/failures.ts';

/** Which failure an error of the Cosmos DB client is. Only status, substatus and the client's own code are told. */
export function storeFailure(what: string, error: unknown): Failure {
  const { code, substatus: sub, retryAfterInMs, name, message } = error as Record<string, unknown>;
  const substatus = Number(sub ?? 0);
  const found = `${what} was answered ${code}${substatus ? `/${substatus}` : ''}`;
  const options = { cause: error };
  if (typeof code !== 'number')
    return new Failure(
      'StoreUnavailable',
      // A SyntaxError quotes the answer that was no JSON, and that answer is a conversation.
      `${what} failed: ${String(code ?? name ?? 'error')}${error instanceof SyntaxError ? '' : `: ${String(message ?? '').slice(0, 200)}`}`,
      options,
    );
  if (code === 429)
    return new Failure('StoreThrottled', found, {
      ...options,
      retryAfterMs: Number(retryAfterInMs ?? 1_000),
    });
  if (code === 403 && substatus === 1014)
    return new Failure('PartitionFull', `${found}: the logical partition is full`, options);
  if (code === 401 || code === 403)
    return new Failure('StoreMisconfigured', `${found}: access is denied`, options);
  // 404/1002 is a replica that lags behind the session, not a missing container.
  if (code === 404 && substatus !== 1002)
    return new Failure('StoreMisconfigured', `${found}: the database or container is missing`, options);
  if (code === 400 && substatus === 1001)
    return new Failure(
      'StoreMisconfigured',
      `${found}: the partition key does not match the container's`,
      options,
    );
  if (code === 400 || code === 413)
    return new Failure('RejectedByStore', `${found}: the document is refused`, options);
  return new Failure('StoreUnavailable', found, options);
}
