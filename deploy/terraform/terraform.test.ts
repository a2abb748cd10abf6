import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { settings } from '../../src/settings.ts';
import { type Block, find, literal, pairs, parseHcl } from './hcl.ts';

const FOLDER = 'deploy/terraform';
const text = Object.fromEntries(
  readdirSync(FOLDER)
    .filter((name) => /\.tf(vars)?$/.test(name))
    .map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]),
);
const files = Object.entries(text).filter(([name]) => name.endsWith('.tf'));
const all: Block = {
  type: '',
  labels: [],
  attributes: {},
  blocks: files.flatMap(([, content]) => parseHcl(content).blocks),
};
const resources = all.blocks.filter(({ type }) => type === 'resource');
const ofType = (type: string): Block[] => resources.filter(({ labels }) => labels[0] === type);
const one = (type: string): Block => {
  const [found, ...more] = ofType(type);
  if (!found || more.length > 0)
    throw new Error(`expected one ${type}, found ${more.length + (found ? 1 : 0)}`);
  return found;
};
const variables = Object.fromEntries(
  all.blocks.filter(({ type }) => type === 'variable').map((block) => [block.labels[0]!, block]),
);
const locals = Object.assign(
  {},
  ...all.blocks.filter(({ type }) => type === 'locals').map(({ attributes }) => attributes),
) as Record<string, string>;
const environment = pairs(locals.settings!.replace(/, var\.settings\)$/, ''));
const container = find(one('azurerm_container_app'), 'container')[0]!;

describe('the worker is configured as it wants to be', () => {
  const known = new Set(settings.map(({ name }) => name));
  const given = { ...environment, APPLICATIONINSIGHTS_CONNECTION_STRING: 'secret' };

  test('every variable that is set is one that it knows, and no key is among them', () => {
    expect(Object.keys(given).filter((name) => !known.has(name))).toEqual([]);
    const keys = settings.filter(({ name, secret }) => secret && !name.startsWith('APPLICATIONINSIGHTS'));
    expect(keys.filter(({ name }) => name in given)).toEqual([]);
    expect(find(container, 'env').map(({ attributes }) => literal(attributes.name))).toContain(
      'APPLICATIONINSIGHTS_CONNECTION_STRING',
    );
  });

  test('with the values that Azure gives it, it starts', () => {
    const values = {
      'azurerm_servicebus_namespace.this.name': 'history-worker-0a1b2c',
      'azurerm_servicebus_topic.message_completed.name': 'message-completed',
      'azurerm_servicebus_subscription.history_worker.name': 'history-worker-message-completed',
      'azurerm_cosmosdb_account.this.endpoint': 'https://history-worker-0a1b2c.documents.azure.com:443/',
      'azurerm_cosmosdb_sql_database.this.name': 'chat',
      'azurerm_cosmosdb_sql_container.conversations.name': 'conversations',
      'azurerm_cognitive_account.titles.custom_subdomain_name': 'history-worker-0a1b2c',
      'azurerm_cognitive_deployment.titles.name': 'titles',
      'azurerm_managed_redis.this.hostname': 'history-worker-0a1b2c.westeurope.redis.azure.net',
      'azurerm_managed_redis.this.default_database[0].port': '10000',
      'azurerm_user_assigned_identity.worker.client_id': '00000000-0000-0000-0000-000000000000',
      'var.shutdown_timeout_seconds': variables.shutdown_timeout_seconds!.attributes.default!,
      'local.health_port': locals.health_port!,
    };
    const evaluated = Object.entries(environment).map(([name, expression]) => {
      const filled = Object.entries(values).reduce(
        (sum, [reference, value]) => sum.replace(reference, value),
        expression.replace(/^tostring\((.*)\)$/, '$1'),
      );
      const value = filled.replaceAll(/^"|"$/g, '').replaceAll(/\$\{([^}]*)\}/g, '$1');
      expect(value, `${name} = ${expression}`).not.toMatch(/azurerm_|var\.|local\./);
      return [name, value];
    });
    const config = readConfig(Object.fromEntries(evaluated));
    expect(config.serviceBus.namespace).toBe('history-worker-0a1b2c.servicebus.windows.net');
    expect(config.redis).toMatchObject({ tls: true, access: { kind: 'entra' } });
    expect(config.cosmos.access).toEqual({ kind: 'entra' });
    expect(config.titles).toMatchObject({ model: 'titles', access: { kind: 'entra' } });
    expect(config.azureClientId).toBe(values['azurerm_user_assigned_identity.worker.client_id']);
  });

  test('names and times that both sides have a default for are the same', () => {
    const defaultOf = (name: string) => settings.find((setting) => setting.name === name)?.default;
    expect(literal(variables.topic!.attributes.default)).toBe(
      defaultOf('SERVICEBUS_MESSAGE_COMPLETED_TOPIC'),
    );
    expect(literal(variables.subscription!.attributes.default)).toBe(
      defaultOf('SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION'),
    );
    expect(variables.shutdown_timeout_seconds!.attributes.default).toBe(
      defaultOf('SHUTDOWN_TIMEOUT_SECONDS'),
    );
  });

  test('the grace period is 15 s longer than what the worker takes to end: 75 s', () => {
    const [template] = find(one('azurerm_container_app'), 'template');
    expect(template!.attributes.termination_grace_period_seconds).toBe('var.shutdown_timeout_seconds + 15');
    expect(Number(variables.shutdown_timeout_seconds!.attributes.default) + 15).toBe(75);
  });

  test('the probes ask where the worker answers', () => {
    const probes = ['startup_probe', 'liveness_probe', 'readiness_probe'].map(
      (type) => find(container, type)[0]!,
    );
    expect(probes.map(({ attributes }) => literal(attributes.path))).toEqual(['/livez', '/livez', '/readyz']);
    expect(new Set(probes.map(({ attributes }) => attributes.port))).toEqual(new Set(['local.health_port']));
    expect(locals.health_port).toBe('8080');
  });

  test('the sweep runs by a command that there is, with the same variables', () => {
    const job = find(one('azurerm_container_app_job'), 'container')[0]!;
    expect(job.attributes.args).toBe('["sweep"]');
    expect(readFileSync('src/operations/sweep-command.ts', 'utf8')).toContain(".command('sweep')");
    expect(find(job, 'dynamic')[0]?.attributes.for_each).toBe('local.settings');
  });
});

describe('nobody may more than needed', () => {
  const WORKER = 'azurerm_user_assigned_identity.worker.principal_id';
  const SCALER = 'azurerm_user_assigned_identity.scaler.principal_id';
  const rolesOf = (principal: string) =>
    ofType('azurerm_role_assignment')
      .filter(({ attributes }) => attributes.principal_id === principal)
      .map(({ attributes }) => [literal(attributes.role_definition_name), attributes.scope]);

  test("the worker has the seed's roles, one to pull its image, and no other", () => {
    expect(rolesOf(WORKER)).toEqual([
      ['Azure Service Bus Data Receiver', 'azurerm_servicebus_namespace.this.id'],
      ['Cognitive Services User', 'azurerm_cognitive_account.titles.id'],
      ['AcrPull', 'var.container_registry_id'],
    ]);
    const [redis] = ofType('azurerm_managed_redis_access_policy_assignment');
    expect(redis!.attributes.object_id).toBe(WORKER);
  });

  test('its role in Cosmos DB is one on the items of one container', () => {
    const { attributes } = one('azurerm_cosmosdb_sql_role_assignment');
    expect(attributes.principal_id).toBe(WORKER);
    expect(attributes.role_definition_id).toBe('azurerm_cosmosdb_sql_role_definition.history.id');
    expect(attributes.scope).toContain('azurerm_cosmosdb_sql_container.conversations.name');
    const [permissions] = find(one('azurerm_cosmosdb_sql_role_definition'), 'permissions');
    expect(permissions!.attributes.data_actions?.match(/[\w*]+(?=")/g)).toEqual([
      'readMetadata',
      'executeQuery',
      '*',
    ]);
  });

  test('the scaler may manage one subscription, and counts with an identity of its own', () => {
    expect(rolesOf(SCALER)).toEqual([
      ['Azure Service Bus Data Owner', 'azurerm_servicebus_subscription.history_worker.id'],
    ]);
    const [rule] = find(one('azurerm_container_app'), 'custom_scale_rule');
    expect(rule!.attributes.identity_id).toBe('azurerm_user_assigned_identity.scaler.id');
    expect(environment.AZURE_CLIENT_ID).toBe('azurerm_user_assigned_identity.worker.client_id');
  });

  test('nobody else has a role but the publishers', () => {
    const principals = ofType('azurerm_role_assignment').map(({ attributes }) => attributes.principal_id);
    expect(principals.filter((principal) => ![WORKER, SCALER, 'each.value'].includes(principal!))).toEqual(
      [],
    );
  });

  test('no service takes a key', () => {
    expect(one('azurerm_servicebus_namespace').attributes.local_auth_enabled).toBe('false');
    expect(one('azurerm_cosmosdb_account').attributes.local_authentication_enabled).toBe('false');
    expect(one('azurerm_cognitive_account').attributes.local_auth_enabled).toBe('false');
    expect(one('azurerm_log_analytics_workspace').attributes.local_authentication_enabled).toBe('false');
    const [database] = find(one('azurerm_managed_redis'), 'default_database');
    expect(database!.attributes.access_keys_authentication_enabled).toBe('false');
    expect(database!.attributes.client_protocol).toBe('"Encrypted"');
    const keys =
      /primary_(access_)?key|secondary_(access_)?key|shared_key|primary_connection|instrumentation_key/;
    for (const [name, content] of files) expect(content, name).not.toMatch(keys);
  });

  test('what is secret is a secret of the app, and not shown by an output', () => {
    const secrets = all.blocks.filter(
      ({ type, attributes }) => type === 'output' && /connection_string/.test(attributes.value ?? ''),
    );
    expect(secrets.map(({ attributes }) => attributes.sensitive)).toEqual(['true']);
    expect(find(one('azurerm_container_app'), 'secret')[0]?.attributes.value).toContain('connection_string');
  });
});

describe('the services are as the worker needs them', () => {
  test('50 deliveries, a lock of a minute, nothing that expires unseen', () => {
    const { attributes } = one('azurerm_servicebus_subscription');
    expect(attributes.max_delivery_count).toBe('50');
    expect(literal(variables.lock_duration!.attributes.default)).toBe('PT1M');
    expect(attributes.dead_lettering_on_message_expiration).toBe('true');
  });

  test('one write region, whatever is asked for', () => {
    expect(one('azurerm_cosmosdb_account').attributes.multiple_write_locations_enabled).toBe('false');
  });

  test('the container is keyed by user, tells long user ids apart and does not index messages', () => {
    const made = one('azurerm_cosmosdb_sql_container');
    expect(made.attributes.partition_key_paths).toBe('["/userId"]');
    expect(made.attributes.partition_key_version).toBe('2');
    const excluded = find(made, 'excluded_path').map(({ attributes }) => literal(attributes.path));
    expect(excluded).toEqual(expect.arrayContaining(['/messages/*', '/segments/*']));
    expect(find(made, 'included_path').map(({ attributes }) => literal(attributes.path))).toEqual(['/*']);
    // A ttl for all would take the pages of a conversation before its head.
    expect(made.attributes.default_ttl).toBe('var.cosmos_items_may_expire ? -1 : null');
  });

  test('the scale rule counts what the worker receives, and wakes it for a single event', () => {
    const [rule] = find(one('azurerm_container_app'), 'custom_scale_rule');
    expect(literal(rule!.attributes.custom_rule_type)).toBe('azure-servicebus');
    const metadata = pairs(rule!.attributes.metadata!);
    expect(metadata.topicName).toBe(environment.SERVICEBUS_MESSAGE_COMPLETED_TOPIC);
    expect(metadata.subscriptionName).toBe(environment.SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION);
    expect(`"\${${metadata.namespace}}.servicebus.windows.net"`).toBe(
      environment.SERVICEBUS_FULLY_QUALIFIED_NAMESPACE,
    );
    // More than 0: the scaler compares strictly.
    expect(literal(metadata.activationMessageCount)).toBe('0');
  });

  test('with private networking each of the four services has an endpoint, and no public one', () => {
    const endpoints = pairs(locals.private!.slice(0, locals.private!.lastIndexOf(':')));
    expect(Object.keys(endpoints)).toEqual(['service-bus', 'cosmos', 'redis', 'titles']);
    for (const type of [
      'azurerm_servicebus_namespace',
      'azurerm_cosmosdb_account',
      'azurerm_cognitive_account',
    ])
      expect(one(type).attributes.public_network_access_enabled, type).toBe('!var.private_networking');
    expect(one('azurerm_managed_redis').attributes.public_network_access).toMatch(
      /private_networking \? "Disabled"/,
    );
  });
});

describe('a new subscription can have it', () => {
  /** What no subscription has to be told of. */
  const ALWAYS_THERE = ['resource_group', 'resource_group_template_deployment', 'role_assignment'];
  const NAMESPACES: [RegExp, string][] = [
    [/^container_app/, 'Microsoft.App'],
    [/^managed_redis/, 'Microsoft.Cache'],
    [/^cognitive/, 'Microsoft.CognitiveServices'],
    [/^cosmosdb/, 'Microsoft.DocumentDB'],
    [/^user_assigned_identity$/, 'Microsoft.ManagedIdentity'],
    [/^(virtual_network|subnet|private_)/, 'Microsoft.Network'],
    [/^log_analytics/, 'Microsoft.OperationalInsights'],
    [/^servicebus/, 'Microsoft.ServiceBus'],
    [/^(application_insights|monitor)/, 'microsoft.insights'],
  ];
  const provider = all.blocks.find(({ type }) => type === 'provider')!;

  test('each service that is used is registered with it', () => {
    const types = new Set(resources.map(({ labels }) => labels[0]!.replace('azurerm_', '')));
    const needed = [...types]
      .filter((type) => !ALWAYS_THERE.includes(type))
      .map((type) => NAMESPACES.find(([pattern]) => pattern.test(type))?.[1] ?? `that of ${type}`);
    const registered = provider.attributes.resource_providers_to_register!.match(/(?<=")[\w.]+(?=")/g);
    // Container Apps ask for that of Kubernetes too.
    expect(registered).toEqual([...new Set([...needed, 'Microsoft.ContainerService'])].sort());
  });

  test('what pulls the image waits for the right to it', () => {
    for (const type of ['azurerm_container_app', 'azurerm_container_app_job'])
      expect(one(type).attributes.depends_on, type).toContain(
        'azurerm_role_assignment.worker_pulls_its_image',
      );
  });

  test('it can be destroyed, with what Azure has put beside it', () => {
    const [group] = find(provider, 'resource_group');
    expect(group!.attributes.prevent_deletion_if_contains_resources).toBe('false');
  });
});

describe('the configuration is whole', () => {
  test('every reference is to something that there is, and every variable is used', () => {
    const source = files.map(([, content]) => content.replaceAll(/#[^\n]*/g, '')).join('\n');
    const names = (pattern: RegExp) => new Set([...source.matchAll(pattern)].map(([, name]) => name!));
    const declared = new Set(resources.map(({ labels }) => labels.join('.')));
    expect(
      [...names(/\b(azurerm_[a-z0-9_]+\.[a-z_]+)\b/g)].filter(
        (name) => !declared.has(name) && !name.startsWith('azurerm_client_config.'),
      ),
    ).toEqual([]);
    expect([...names(/\bvar\.([a-z_]+)/g)].sort()).toEqual(Object.keys(variables).sort());
    expect([...names(/\blocal\.([a-z_]+)/g)].sort()).toEqual(Object.keys(locals).sort());
    for (const path of names(/file\("\$\{path\.module\}\/([^"]+)"\)/g))
      expect(existsSync(join(FOLDER, path)), path).toBe(true);
  });

  test('every variable and output is described, and the example sets what has no default', () => {
    const described = all.blocks.filter(({ type }) => type === 'variable' || type === 'output');
    expect(described.filter(({ attributes }) => !attributes.description)).toEqual([]);
    const required = Object.values(variables).filter(({ attributes }) => attributes.default === undefined);
    const example = parseHcl(text['example.tfvars']!).attributes;
    expect(required.map(({ labels }) => labels[0]).filter((name) => !(name! in example))).toEqual([]);
    expect(Object.keys(example).filter((name) => !(name in variables))).toEqual([]);
  });

  test('the parameters of the alerts are those of their template', () => {
    const template = JSON.parse(readFileSync('deploy/alerts.json', 'utf8')) as { parameters: object };
    const given = pairs(one('azurerm_resource_group_template_deployment').attributes.parameters_content!);
    expect(Object.keys(given).sort()).toEqual(Object.keys(template.parameters).sort());
  });

  const terraform = spawnSync('terraform', ['version'], { encoding: 'utf8' });
  if (terraform.error)
    console.log('terraform is not on the PATH: its format was NOT checked by terraform fmt');
  test.skipIf(terraform.error)('terraform fmt would change nothing', () => {
    const { stdout, status } = spawnSync('terraform', ['fmt', '-check', '-diff', '-recursive', FOLDER], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });
});

describe('the reader of HCL', () => {
  test('tells blocks, labels, attributes, strings with braces in them and comments apart', () => {
    const [block] = parseHcl(
      `# a {\nresource "a" "b" {\n  x = "\${f("}")} {" # c }\n  y = [\n    "1",\n  ]\n  z {\n  }\n}\n`,
    ).blocks;
    expect(block).toEqual({
      type: 'resource',
      labels: ['a', 'b'],
      attributes: { x: `"\${f("}")} {" # c }`, y: '[\n    "1",\n  ]' },
      blocks: [{ type: 'z', labels: [], attributes: {}, blocks: [] }],
    });
  });

  test.each(['a {', 'a = "b', 'a = 1\na = 2', '}', 'a "b" = 1'])('refuses %j', (broken) => {
    expect(() => parseHcl(broken)).toThrow(/expected/);
  });
});
