import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { onTestFinished } from 'vitest';
import { makeCertificate } from '../emulators/certificate.ts';

type Subscription = {
  lockDuration: string;
  maxDeliveryCount: number;
  requiresSession?: boolean;
  timeToLive?: string;
  status?: string;
  forwardTo?: string;
  active?: number;
  deadLetters?: number;
};

/**
 * A door before the stand-in of Service Bus at which, as at the service's own, management answers HTTPS on the host of AMQP: with
 * this subscription, or refuses.
 */
export async function openManagementDoor(amqpPort: number, answer: Subscription | 'refuse') {
  const certificate = await makeCertificate('management');
  const server = createServer(certificate, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (first: Buffer) => {
      if (first.subarray(0, 4).toString() !== 'AMQP') return void socket.end(httpAnswer(answer));
      const broker = connect(amqpPort, '127.0.0.1');
      broker.on('error', () => socket.destroy());
      broker.write(first);
      socket.pipe(broker).pipe(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  return { port, certificate: certificate.cert };
}

function httpAnswer(answer: Subscription | 'refuse'): string {
  const body = answer === 'refuse' ? '<Error><Code>401</Code></Error>' : entryOf(answer);
  const status = answer === 'refuse' ? '401 Unauthorized' : '200 OK';
  return `HTTP/1.1 ${status}\r\ncontent-type: application/atom+xml\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
}

/** As learn.microsoft.com/rest/api/servicebus describes it. */
const entryOf = ({
  requiresSession = false,
  status = 'Active',
  active = 0,
  deadLetters = 0,
  ...of
}: Subscription): string =>
  `<entry xmlns="http://www.w3.org/2005/Atom"><id>https://localhost/message-completed/Subscriptions/history-worker-message-completed?api-version=2021-05</id><title type="text">history-worker-message-completed</title><content type="application/xml"><SubscriptionDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><LockDuration>${of.lockDuration}</LockDuration><RequiresSession>${requiresSession}</RequiresSession><DefaultMessageTimeToLive>${of.timeToLive ?? 'P10675199DT2H48M5.4775807S'}</DefaultMessageTimeToLive><DeadLetteringOnMessageExpiration>false</DeadLetteringOnMessageExpiration><DeadLetteringOnFilterEvaluationExceptions>true</DeadLetteringOnFilterEvaluationExceptions><MaxDeliveryCount>${of.maxDeliveryCount}</MaxDeliveryCount><MessageCount>${active + deadLetters}</MessageCount><EnableBatchedOperations>true</EnableBatchedOperations><Status>${status}</Status>${of.forwardTo === undefined ? '' : `<ForwardTo>${of.forwardTo}</ForwardTo>`}<AutoDeleteOnIdle>P10675199DT2H48M5.4775807S</AutoDeleteOnIdle><CreatedAt>2026-01-01T00:00:00Z</CreatedAt><UpdatedAt>2026-01-01T00:00:00Z</UpdatedAt><AccessedAt>2026-01-01T00:00:00Z</AccessedAt><CountDetails xmlns:d2p1="http://schemas.microsoft.com/netservices/2011/06/servicebus"><d2p1:ActiveMessageCount>${active}</d2p1:ActiveMessageCount><d2p1:DeadLetterMessageCount>${deadLetters}</d2p1:DeadLetterMessageCount><d2p1:ScheduledMessageCount>0</d2p1:ScheduledMessageCount><d2p1:TransferMessageCount>0</d2p1:TransferMessageCount><d2p1:TransferDeadLetterMessageCount>0</d2p1:TransferDeadLetterMessageCount></CountDetails><EntityAvailabilityStatus>Available</EntityAvailabilityStatus></SubscriptionDescription></content></entry>`;
