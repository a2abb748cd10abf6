/** What the stand-ins call the topic and the subscription. */
export const TOPIC = 'message-completed';
export const SUBSCRIPTION = 'history-worker-message-completed';
