import {
  AggregateAuthenticationError,
  AuthenticationError,
  CredentialUnavailableError,
} from '@azure/identity';
import { expect, test } from 'vitest';
import { identityError } from './identity-error.ts';

const absent = [
  new CredentialUnavailableError(
    'EnvironmentCredential is unavailable. No underlying credential could be used. To troubleshoot, visit https://aka.ms/azsdk/js/identity/environmentcredential/troubleshoot.',
  ),
  new CredentialUnavailableError(
    'Visual Studio Code Authentication is not available. Ensure you have Azure Resources Extension installed in VS Code.',
  ),
  new CredentialUnavailableError(
    "Azure CLI could not be found. Please visit https://aka.ms/azure-cli for installation instructions and then, once installed, authenticate to your Azure account using 'az login'.",
  ),
];

test('of all ways that were tried, those that were meant are told, in one line', () => {
  const managed = new CredentialUnavailableError(
    'ManagedIdentityCredential: Authentication failed. Message invalid_request: Error(s): Not Available - Description: Identity not found\n - Correlation ID: c',
  );
  const error = identityError(
    new AggregateAuthenticationError([absent[0], managed, ...absent.slice(1)], 'none'),
  );
  expect(error.name).toBe('AggregateAuthenticationError');
  expect(error.message).toBe(
    'the identity has no token: EnvironmentCredential is unavailable. No underlying credential could be used.; ' +
      'ManagedIdentityCredential: Authentication failed. Message invalid_request: Error(s): Not Available - Description: Identity not found - Correlation ID: c',
  );
});

test('a developer who has not signed in is told how', () => {
  const cli = new CredentialUnavailableError("Please run 'az login' from a command prompt to authenticate.");
  expect(identityError(new AggregateAuthenticationError([absent[1], cli], '')).message).toContain(
    "'az login'",
  );
  // And where nothing else is there, all of it.
  expect(identityError(new AggregateAuthenticationError(absent.slice(1), '')).message).toContain('Azure CLI');
});

test('what the service quotes is left out, and its codes are kept', () => {
  const error = 'invalid_client';
  const description = 'No such client: {"client":"shh","code":"AADSTS700016"}';
  const { message } = identityError(
    new AuthenticationError(401, JSON.stringify({ error, error_description: description })),
  );
  expect(message).toMatch(/invalid_client .*No such client: \(AADSTS700016\)$/);
});

test.each([
  ['IDENTITY_HEADER', 'the-header-of-it'],
  ['AZURE_CLIENT_SECRET', 'a secret of a client'],
])('what %s holds, and a token, are told nowhere', (variable, secret) => {
  const token = `eyJ0eXAiOiJKV1Qi.${'e'.repeat(40)}.s-_s`;
  const { message } = identityError(new Error(`not ${secret} nor ${token}: no`), { [variable]: secret });
  expect(message).toBe('the identity has no token: not … nor …: no');
});

test('what is long is cut', () => {
  expect(identityError(new Error('x'.repeat(100_000))).message.length).toBeLessThan(300);
});
