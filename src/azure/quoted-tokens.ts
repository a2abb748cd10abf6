/** As Entra ID gives them, and as the client makes them of a key of Service Bus. */
const TOKENS = /\beyJ[\w-]+(?:\.[\w-]*)*|\bSharedAccessSignature\s+[^\s"']+|\bsig=[^&\s"']+/gi;

/** What a service says that was shown a token may quote it. */
export const withoutTokens = (text: string): string => text.replace(TOKENS, '…');
