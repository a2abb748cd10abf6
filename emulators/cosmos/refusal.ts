/**
 * An answer of 400 or above, thrown from wherever it is found and turned into HTTP (or a batch result) in one place.
 * The bodies and substatus codes are those that @azure/cosmos shows its callers.
 */
export class Refusal extends Error {
  readonly status: number;
  readonly substatus: number;
  readonly retryAfterMs: number | undefined;
  /** Request units that the refused work cost all the same: a lost compare-and-swap is not free. */
  charge = 0;
  /** What the client is told beside the message: the plan of a query that it has to carry out itself. */
  info: string | undefined;

  constructor(status: number, substatus: number, message: string, retryAfterMs?: number) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.substatus = substatus;
    this.retryAfterMs = retryAfterMs;
  }
}

const names: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  408: 'RequestTimeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'PreconditionFailed',
  413: 'RequestEntityTooLarge',
  424: 'FailedDependency',
  429: 'TooManyRequests',
  449: 'RetryWith',
  500: 'InternalServerError',
  503: 'ServiceUnavailable',
};

/** The body of a refusal: the client reads `message` and shows it. */
export function refusalBody(status: number, message: string, info?: string): string {
  const code = names[status] ?? String(status);
  return JSON.stringify({ code, message, ...(info === undefined ? {} : { additionalErrorInfo: info }) });
}

/** 400: the request is wrong, or asks for what this stand-in does not do. The message says which. */
export function badRequest(message: string): Refusal {
  return new Refusal(400, 0, message);
}

/** 404/1003: the container or database that owns the addressed resource does not exist. */
export function ownerMissing(what: string): Refusal {
  return new Refusal(404, 1003, `Owner resource does not exist: ${what}.`);
}

/** 404/0: the addressed resource itself does not exist. */
export function notFound(what: string): Refusal {
  return new Refusal(404, 0, `Entity with the specified id does not exist in the system: ${what}.`);
}
