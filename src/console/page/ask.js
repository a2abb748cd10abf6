/** What could not be had, and why; `status` 401: the token is needed. */
export class Refusal extends Error {
  /**
   * @param {number} status 0: nobody answered
   * @param {string} message
   * @param {any} [body]
   */
  constructor(status, message, body) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/**
 * Asks the console. With a body it is a post: of JSON, as no page of another origin can send it.
 * @param {string} path
 * @param {{ method?: string, body?: object }} [options]
 * @returns {Promise<any>}
 */
export async function ask(path, { body, method = body ? 'POST' : 'GET' } = {}) {
  /** @type {RequestInit} */
  const init = { method, credentials: 'same-origin', cache: 'no-store', redirect: 'error' };
  if (method !== 'GET')
    Object.assign(init, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    });
  const response = await fetch(path, init).catch(() => undefined);
  if (!response) throw new Refusal(0, 'the worker does not answer');
  const answer = await response.json().catch(() => ({}));
  if (!response.ok)
    throw new Refusal(response.status, answer.error ?? `it answers ${response.status}`, answer);
  return answer;
}
