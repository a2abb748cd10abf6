import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readConfig } from '../../src/config.ts';
import { settings } from '../../src/settings.ts';
import { last, parseDockerfile } from '../container/dockerfile.ts';

const FOLDER = 'deploy/kubernetes';
type Probe = { httpGet: { path: string; port: string } };
type Container = {
  args: string[];
  image: string;
  env?: { name: string; value: string }[];
  envFrom: { configMapRef?: { name: string }; secretRef?: { name: string } }[];
  ports?: { name: string; containerPort: number }[];
  livenessProbe: Probe;
  readinessProbe: Probe;
  startupProbe: Probe;
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  securityContext: object;
};
type Pod = {
  metadata: { labels: Record<string, string> };
  spec: {
    serviceAccountName: string;
    terminationGracePeriodSeconds: number;
    securityContext: { runAsUser: number };
    containers: Container[];
  };
};
// biome-ignore lint/suspicious/noExplicitAny: what stands in a file is asked for field by field
type Fields = Record<string, any>;
type Resource = Fields & { kind: string; metadata: Fields; spec: Fields };

const parse = (text: string): Resource[] =>
  parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as Resource;
  });
const read = (folder: string): Resource[] =>
  readdirSync(join(FOLDER, folder))
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parse(readFileSync(join(FOLDER, folder, name), 'utf8')));

const base = read('base');
const example = read('example');
const one = (kind: string, among = base): Resource => {
  const found = among.filter((resource) => resource.kind === kind);
  if (found.length !== 1) throw new Error(`expected one ${kind}, found ${found.length}`);
  return found[0]!;
};
const deployment = one('Deployment');
const worker = deployment.spec.template as Pod;
const sweep = one('CronJob').spec.jobTemplate.spec.template as Pod;
const [container] = worker.spec.containers as [Container];
const given = parseEnv(readFileSync(join(FOLDER, 'example/worker.env'), 'utf8'));
const defaultOf = (name: string) => settings.find((setting) => setting.name === name)?.default;

describe('the worker is configured as it wants to be', () => {
  test('with the variables of the example it starts, and no key is among them', () => {
    expect(readConfig(given).redis.access).toEqual({ kind: 'entra' });
    const known = new Set(settings.map(({ name }) => name));
    const names = [...Object.keys(given), ...(container.env ?? []).map(({ name }) => name)];
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    expect(settings.filter(({ name, secret }) => secret && name in given)).toEqual([]);
  });

  test('the grace period is 15 s longer than what it takes to end: 75 s', () => {
    expect(worker.spec.terminationGracePeriodSeconds).toBe(
      Number(defaultOf('SHUTDOWN_TIMEOUT_SECONDS')) + 15,
    );
    expect(given).not.toHaveProperty('SHUTDOWN_TIMEOUT_SECONDS');
  });

  test('the probes ask where it answers', () => {
    const paths = [container.startupProbe, container.livenessProbe, container.readinessProbe].map(
      ({ httpGet }) => [httpGet.path, httpGet.port],
    );
    expect(paths).toEqual([
      ['/livez', 'health'],
      ['/livez', 'health'],
      ['/readyz', 'health'],
    ]);
    const [port] = container.ports!;
    expect(container.env).toEqual([
      { name: 'HEALTH_HOST', value: '0.0.0.0' },
      { name: 'HEALTH_PORT', value: String(port!.containerPort) },
    ]);
  });

  test('commands are ones that there are', () => {
    const files = ['src/program.ts', 'src/operations/sweep-command.ts'];
    const registered = files.map((path) => readFileSync(path, 'utf8')).join('');
    for (const { args } of [container, ...sweep.spec.containers])
      expect(registered).toContain(`.command('${args[0]}'`);
  });
});

describe('nobody may more than needed', () => {
  test.each([
    ['worker', worker],
    ['sweep', sweep],
  ])(
    'the pods of the %s pass the restricted standard, on a read-only root, as the user of the image',
    (_, pod) => {
      const [user] = last(parseDockerfile(readFileSync('Dockerfile', 'utf8')).at(-1)!, 'USER').split(':');
      expect(pod.spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: Number(user),
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const { securityContext } of pod.spec.containers)
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      expect(pod.spec).toMatchObject({ automountServiceAccountToken: false });
      for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod.spec).not.toHaveProperty(field);
      const modes = ['enforce', 'warn', 'audit'].map((mode) => [
        `pod-security.kubernetes.io/${mode}`,
        'restricted',
      ]);
      expect(one('Namespace', example).metadata.labels).toEqual(Object.fromEntries(modes));
    },
  );

  test('both use the identity of one account', () => {
    for (const pod of [worker, sweep]) {
      expect(pod.spec.serviceAccountName).toBe(one('ServiceAccount').metadata.name);
      expect(pod.metadata.labels['azure.workload.identity/use']).toBe('true');
    }
  });

  test('the network lets out what the services need: 443, Service Bus, Redis and names', () => {
    const { ingress, egress, podSelector } = one('NetworkPolicy').spec;
    expect(worker.metadata.labels).toMatchObject(podSelector.matchLabels);
    expect(sweep.metadata.labels).toMatchObject(podSelector.matchLabels);
    const ports = (rules: { ports: { port: number }[] }[]) =>
      rules.flatMap((rule) => rule.ports.map(({ port }) => port));
    expect(ports(ingress)).toEqual([container.ports![0]!.containerPort]);
    expect(new Set(ports(egress))).toEqual(new Set([53, 443, 5671, Number(defaultOf('REDIS_PORT')), 8500]));
    const blocks = egress.flatMap(
      (rule: { to: { ipBlock?: { cidr: string; except?: string[] } }[] }) => rule.to,
    );
    expect(blocks).toContainEqual({ ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.169.254/32'] } });
  });

  test('names are also had from the node itself: AKS asks there, not at its pods, where it has LocalDNS', () => {
    const { egress } = one('NetworkPolicy').spec as {
      egress: { to: { ipBlock?: { cidr: string } }[]; ports: { port: number }[] }[];
    };
    const [names] = egress.filter(({ ports }) => ports.some(({ port }) => port === 53));
    expect(names!.ports.map(({ port }) => port)).toEqual([53, 53]);
    const cidrs = names!.to.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr] : []));
    expect(cidrs).toEqual(['169.254.10.10/31', '169.254.20.10/32']);
  });
});

describe('it scales and is disturbed as it can bear', () => {
  const scaled = one('ScaledObject');
  const [trigger] = scaled.spec.triggers;

  test('the scaler counts with an identity of its own, and wakes it for a single event', () => {
    const authentication = one('TriggerAuthentication');
    expect(trigger).toMatchObject({
      type: 'azure-servicebus',
      authenticationRef: { name: authentication.metadata.name },
      // More than 0: the scaler compares strictly.
      metadata: { activationMessageCount: '0' },
    });
    expect(authentication.spec.podIdentity.provider).toBe('azure-workload');
    const scaler = parseEnv(readFileSync(join(FOLDER, 'example/scaler.env'), 'utf8'));
    expect(scaler.CLIENT_ID).not.toBe(given.AZURE_CLIENT_ID);
  });

  test('the number of replicas is left to it', () => {
    expect(scaled.spec.scaleTargetRef.name).toBe(deployment.metadata.name);
    expect(deployment.spec).not.toHaveProperty('replicas');
  });

  test('the disruption budget is for the workers, and never forbids to drain a node', () => {
    const { selector, maxUnavailable } = one('PodDisruptionBudget').spec;
    expect(selector).toEqual(deployment.spec.selector);
    expect(worker.metadata.labels).toMatchObject(selector.matchLabels);
    expect(sweep.metadata.labels).not.toMatchObject(selector.matchLabels);
    expect(maxUnavailable).toBe(1);
  });
});

describe('the example', () => {
  test('what the base leaves open is put in from what is said once', () => {
    const open = base.flatMap((resource) => JSON.stringify(resource).match(/"set-by-the-overlay"/g) ?? []);
    const { replacements } = one('Kustomization', example) as unknown as {
      replacements: {
        source: { name: string; fieldPath: string };
        targets: { select: { kind: string } }[];
      }[];
    };
    expect(replacements.length).toBe(open.length);
    const scaler = parseEnv(readFileSync(join(FOLDER, 'example/scaler.env'), 'utf8'));
    for (const { source, targets } of replacements) {
      expect(source.name === 'history-worker' ? given : scaler).toHaveProperty(
        source.fieldPath.replace('data.', ''),
      );
      for (const { select } of targets) expect(() => one(select.kind)).not.toThrow();
    }
  });

  test('every file of the base is in its kustomization', () => {
    const listed = (base.find(({ kind }) => kind === 'Kustomization') as unknown as { resources: string[] })
      .resources;
    const there = readdirSync(join(FOLDER, 'base')).filter((name) => name !== 'kustomization.yaml');
    expect(listed.toSorted()).toEqual(there.toSorted());
  });

  const rendering = spawnSync('kubectl', ['kustomize', join(FOLDER, 'example')], { encoding: 'utf8' });
  if (rendering.error) console.log('kubectl is not on the PATH: the example was NOT rendered by kustomize');
  test.skipIf(rendering.error)('is rendered by kustomize to what the worker and its scaler need', () => {
    expect(rendering).toMatchObject({ status: 0, stderr: '' });
    expect(rendering.stdout).not.toContain('set-by-the-overlay');
    const rendered = parse(rendering.stdout);
    const config = one('ConfigMap', rendered);
    expect(() => readConfig(config.data)).not.toThrow();
    const [made] = one('Deployment', rendered).spec.template.spec.containers as [Container];
    expect(made.envFrom[0]!.configMapRef!.name).toBe(config.metadata.name);
    expect(made.image).toMatch(/:\d+\.\d+\.\d+$/);
    expect(one('ScaledObject', rendered).spec.triggers[0].metadata).toMatchObject({
      namespace: given.SERVICEBUS_FULLY_QUALIFIED_NAMESPACE!.split('.')[0],
      topicName: given.SERVICEBUS_MESSAGE_COMPLETED_TOPIC,
      subscriptionName: given.SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION,
    });
    expect(one('ServiceAccount', rendered).metadata.annotations).toEqual({
      'azure.workload.identity/client-id': given.AZURE_CLIENT_ID,
    });
    expect(new Set(rendered.map(({ metadata }) => metadata.namespace))).toEqual(
      new Set([undefined, 'history-worker']),
    );
  });
});
