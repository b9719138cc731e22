import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { whatHappened } from '../../../../lib/core/errors.ts';
import { resolveStack } from '../../../../lib/domain/stack/compose-config.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import type { Reply } from '../../../support/scripted-spawn.ts';

/** As compose 2.26 prints it, shortened to what matters. */
const CONFIG = {
  name: 'whalefall',
  networks: { prod: { name: 'whalefall_prod', driver: 'bridge', ipam: {} } },
  services: {
    postgres: {
      command: null,
      environment: { POSTGRES_DB: 'wf', POSTGRES_PASSWORD: 'p$w-S3cret', UNSET: null },
      image: 'postgres:15-alpine',
      networks: { prod: null },
      ports: [{ mode: 'ingress', target: 5432, published: '5432', protocol: 'tcp' }],
      volumes: [
        { type: 'volume', source: 'pgdata', target: '/var/lib/postgresql/data', volume: {} },
        { type: 'volume', target: '/anonymous', volume: {} },
        { type: 'bind', source: '/etc/pg', target: '/etc/pg', bind: { create_host_path: true } },
      ],
    },
    redis: {
      environment: {},
      image: 'redis:7-alpine',
      volumes: [{ type: 'volume', source: 'cache', target: '/data' }],
      ports: [
        { mode: 'ingress', host_ip: '127.0.0.1', target: 6379, published: '16379', protocol: 'tcp' },
        { mode: 'ingress', target: 7000, protocol: 'tcp' },
        { mode: 'ingress', target: 7001, published: '8000-8010', protocol: 'tcp' },
        { mode: 'ingress', target: 7002, published: '7002', protocol: 'udp' },
        { mode: 'ingress', target: 7003, published: '0', protocol: 'tcp' },
      ],
    },
    whalefall: { build: { context: '.', args: { HTTP_PROXY: 'http://me:pr-S3cret@proxy:3128' } }, environment: null },
    other: { image: 'x', environment: { API_TOKEN: 'tk-S3cret' } },
  },
  volumes: { pgdata: { name: 'whalefall_pgdata' }, cache: { name: 'shared_cache', external: true }, unused: null },
};

type Config = typeof CONFIG;
const changed = (change: (config: Config) => void): string => {
  const copy = structuredClone(CONFIG);
  change(copy);
  return JSON.stringify(copy).replaceAll('$', '$$$$');
};

function opsFor(reply: Reply): TestOps {
  const ops = testOps(() => reply);
  writeFileSync(path.join(ops.target.dir, 'docker-compose.prod.yml'), 'services: {}\n');
  return ops;
}
const answering = (change: (config: Config) => void = () => {}) => opsFor({ stdout: changed(change) });
const failure = (ops: TestOps) =>
  resolveStack(ops).then(
    () => 'no error',
    (e: unknown) => e,
  );

it('reduces compose’s config to what scripts need', async () => {
  expect(await resolveStack(answering())).toEqual({
    project: 'whalefall',
    services: {
      postgres: {
        key: 'postgres',
        image: 'postgres:15-alpine',
        replicas: 1,
        networkMode: '',
        ports: [{ target: 5432, published: 5432, hostIp: '0.0.0.0', protocol: 'tcp' }],
        environment: { POSTGRES_DB: 'wf', POSTGRES_PASSWORD: 'p$w-S3cret' },
        fromFiles: [],
        supplied: [],
        composeOnly: [],
        mounts: [
          { kind: 'volume', source: 'whalefall_pgdata', target: '/var/lib/postgresql/data' },
          { kind: 'own', source: '', target: '/anonymous' },
          { kind: 'bind', source: '/etc/pg', target: '/etc/pg' },
        ],
        command: [],
        starts: [],
        user: '',
        workingDir: '',
      },
      redis: {
        key: 'redis',
        image: 'redis:7-alpine',
        replicas: 1,
        networkMode: '',
        ports: [
          { target: 6379, published: 16379, hostIp: '127.0.0.1', protocol: 'tcp' },
          { target: 7002, published: 7002, hostIp: '0.0.0.0', protocol: 'udp' },
        ],
        environment: {},
        fromFiles: [],
        supplied: [],
        composeOnly: [],
        mounts: [{ kind: 'volume', source: 'shared_cache', target: '/data' }],
        command: [],
        starts: [],
        user: '',
        workingDir: '',
      },
      app: {
        key: 'whalefall',
        image: 'whalefall-whalefall',
        replicas: 1,
        networkMode: '',
        ports: [],
        environment: {},
        fromFiles: [],
        supplied: [],
        composeOnly: [],
        mounts: [],
        command: [],
        starts: [],
        user: '',
        workingDir: '',
        build: { context: '.', others: {} },
      },
    },
    volumes: [
      {
        key: 'pgdata',
        name: 'whalefall_pgdata',
        external: false,
        role: 'postgres',
        mountPoint: '/var/lib/postgresql/data',
        holdsData: true,
      },
      { key: 'cache', name: 'shared_cache', external: true, role: 'redis', mountPoint: '/data', holdsData: true },
    ],
    warnings: [],
    others: [{ key: 'other', code: 'foreign' }],
    networks: ['whalefall_prod'],
  });
});

it('knows what the other services are made from: the application’s image, its repository, or something else', async () => {
  const moreIn = (dir: string) => ({
    worker: { image: 'whalefall-whalefall' },
    beat: { build: { context: '.' } },
    tests: { image: 'tests', build: { context: '.', dockerfile: 'Dockerfile.test' } },
    docs: { build: { context: `${dir}/docs` } },
    beside: { build: { context: `${dir}-tools` } },
    far: { build: { context: 'https://example.org/tools.git' } },
  });
  const ops = testOps(() => ({ stdout: changed((c) => Object.assign(c.services, moreIn(ops.target.dir))) }));
  writeFileSync(path.join(ops.target.dir, 'docker-compose.prod.yml'), 'services: {}\n');
  const { others } = await resolveStack(ops);
  expect(others.map((o) => `${o.key}: ${o.code}`)).toEqual([
    'other: foreign',
    'worker: image',
    'beat: repository',
    'tests: repository',
    'docs: repository',
    'beside: foreign',
    'far: foreign',
  ]);
});

it.each([
  ['deploy.replicas', { deploy: { mode: 'replicated', replicas: 3 } }, 3],
  ['scale', { scale: 2 }, 2],
  ['a deploy section without it', { deploy: { resources: {} } }, 1],
])('knows how many containers compose is to run, by %s', async (_key, more, replicas) => {
  const { services } = await resolveStack(answering((c) => Object.assign(c.services.whalefall, more)));
  expect(services.app.replicas).toBe(replicas);
});

it('registers the secrets of all services and build arguments', async () => {
  const ops = answering();
  await resolveStack(ops);
  const text = 'p$w-S3cret p$$w-S3cret http://me:pr-S3cret@proxy:3128 pr-S3cret tk-S3cret';
  expect(ops.secrets.redact(text)).toBe('[secret] [secret] [secret] [secret] [secret]');
});

it('looks for .env where it is told to', async () => {
  const ops = answering();
  const candidate = path.join(ops.paths.state, 'whalefall');
  mkdirSync(candidate);
  writeFileSync(path.join(candidate, '.env'), 'SECRET_KEY=candidate-S3cret\n');
  await resolveStack(ops, { projectDirectory: candidate });
  expect(ops.scripted.calls[0]?.argv.slice(2, 6)).toEqual([
    '-f',
    path.join(ops.target.dir, 'docker-compose.prod.yml'),
    '--project-directory',
    candidate,
  ]);
  expect(ops.secrets.redact('candidate-S3cret')).toBe('[secret]');
});

it('takes ports as numbers too, and a service without volumes, environment or ports', async () => {
  const ops = answering((c) => Object.assign(c.services.postgres.ports[0] ?? {}, { published: 15432 }));
  expect((await resolveStack(ops)).services.postgres.ports[0]?.published).toBe(15432);
});

it('knows the volume that holds the database among several', async () => {
  const ops = answering((c) => {
    c.services.postgres.volumes.unshift({ type: 'volume', source: 'dumps', target: '/dumps', volume: {} });
    Object.assign(c.volumes, { dumps: null });
  });
  const { volumes } = await resolveStack(ops);
  expect(volumes.map((v) => [v.name, v.holdsData])).toEqual([
    ['whalefall_dumps', false],
    ['whalefall_pgdata', true],
    ['shared_cache', true],
  ]);
});

describe('what the official images read from files', () => {
  const withFiles = (files: Readonly<Record<string, string>>) => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-secrets-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
    return answering((c) => {
      const { postgres } = c.services;
      Object.assign(postgres, {
        environment: { POSTGRES_PASSWORD_FILE: '/run/secrets/pw', POSTGRES_USER_FILE: '/etc/pg/user' },
        secrets: [{ source: 'pw' }],
      });
      Object.assign(c, { secrets: { pw: { name: 'whalefall_pw', file: path.join(dir, 'pw') } } });
      Object.assign(postgres.volumes[2] ?? {}, { source: dir });
    });
  };

  it('is read where it is mounted from: a secret, a directory of this machine', async () => {
    const ops = withFiles({ pw: 'file-S3cret\n\n', user: 'wf_user' });
    const { postgres } = (await resolveStack(ops)).services;
    expect(postgres.environment).toEqual({ POSTGRES_PASSWORD: 'file-S3cret', POSTGRES_USER: 'wf_user' });
    expect(ops.secrets.redact('the file-S3cret')).toBe('the [secret]');
  });

  it('is known as what the container is given, as are configs, and what is no file', async () => {
    const ops = answering((c) => {
      const given = {
        secrets: [{ source: 'token', target: 'key' }, { source: 'inline' }],
        configs: [{ source: 'site' }],
      };
      Object.assign(c.services.whalefall, given);
      const secrets = { token: { file: '/srv/token' }, inline: { environment: 'TOKEN' } };
      Object.assign(c, { secrets, configs: { site: { file: '/srv/site' } } });
    });
    expect((await resolveStack(ops)).services.app.supplied).toEqual([
      { kind: 'bind', source: '/srv/token', target: '/run/secrets/key', readOnly: true },
      { kind: 'own', source: '', target: '/run/secrets/inline', readOnly: true },
      { kind: 'bind', source: '/srv/site', target: '/site', readOnly: true },
    ]);
  });

  it('is named when it is not there', async () => {
    expect(await failure(withFiles({ pw: 'file-S3cret' }))).toMatchObject({
      kind: 'config',
      what: { en: expect.stringMatching(/POSTGRES_USER_FILE of service postgres.*ENOENT/) },
    });
  });
});

describe('refuses', () => {
  it('a deploy directory without compose file, without asking compose', async () => {
    const ops = testOps(() => undefined);
    expect(await failure(ops)).toMatchObject({
      kind: 'config',
      what: { en: expect.stringContaining('docker-compose.prod.yml'), zh: expect.stringContaining('找不到') },
      state: { en: expect.stringContaining('Nothing was changed') },
      next: [{ en: expect.stringContaining('--dir') }],
    });
  });

  it('what compose refuses, with its message but without secrets, warnings and control characters', async () => {
    const ops = opsFor({
      exitCode: 15,
      stderr:
        'time="x" level=warning msg="The \\"X\\" variable is not set."\nyaml: line 1: \u001b[2Jdid not sk-S3cret find',
    });
    writeFileSync(path.join(ops.target.dir, '.env'), 'SECRET_KEY=sk-S3cret\n');
    const error = await failure(ops);
    expect(error).toMatchObject({ kind: 'config', next: [{ en: expect.stringContaining('config -q') }] });
    expect(whatHappened(error).en).toContain('yaml: line 1: \\x1b[2Jdid not [secret] find');
    expect(whatHappened(error).en).not.toContain('variable');
  });

  it('a broken .env without compose’s message, which repeats the line', async () => {
    const ops = opsFor({ exitCode: 1, stderr: 'failed to read /opt/wf/.env: Invalid template: "S3cret${"' });
    const error = await failure(ops);
    expect(error).toMatchObject({ kind: 'config', what: { en: expect.stringContaining('.env') } });
    expect(JSON.stringify(error) + whatHappened(error).zh).not.toContain('S3cret');
  });

  it('a config without the services, naming all that are missing', async () => {
    const ops = answering((c) => {
      Object.assign(c, { services: { postgres: c.services.postgres } });
    });
    expect(await failure(ops)).toMatchObject({
      kind: 'config',
      what: { en: expect.stringContaining('redis, whalefall') },
    });
  });

  it('output that it does not know, without repeating it', async () => {
    for (const stdout of ['services: S3cret', '{"name":"S3cret"}', '']) {
      const error = await failure(opsFor({ stdout }));
      expect(error).toMatchObject({ kind: 'config' });
      expect(JSON.stringify(error) + whatHappened(error).en).not.toContain('S3cret');
    }
  });

  it.each<[string, (c: Config) => void]>([
    ['a volume that looks like an option', (c) => Object.assign(c.volumes.pgdata, { name: '--force' })],
    ['a volume with an escape sequence', (c) => Object.assign(c.volumes.pgdata, { name: 'a\u001b[2J' })],
    ['an image that looks like an option', (c) => Object.assign(c.services.redis, { image: '-v=/:/host' })],
    ['an image with a line end', (c) => Object.assign(c.services.redis, { image: 'redis\nx' })],
    ['a provider', (c) => Object.assign(c.services.redis, { provider: { type: 'evil' } })],
  ])('%s', async (_what, change) => {
    const error = await failure(answering(change));
    expect(error).toMatchObject({ kind: 'config' });
    expect(whatHappened(error).en).toMatch(/no such name: '|provider/);
    expect(whatHappened(error).en).not.toContain('\u001b');
  });

  it.each([
    ['in the container’s layer', [], 'no named volume'],
    ['in an anonymous volume', [{ type: 'volume', target: '/var/lib/postgresql/data' }], 'no named volume'],
    ['in a directory', [{ type: 'bind', source: '/srv', target: '/var/lib/postgresql/data' }], 'directory of the host'],
    [
      'beside the volume',
      [{ type: 'volume', source: 'pgdata', target: '/var/lib/postgresql/data2' }],
      'no named volume',
    ],
  ])('a database %s', async (_, volumes, what) => {
    const ops = answering((c) => Object.assign(c.services.postgres, { volumes }));
    expect(await failure(ops)).toMatchObject({
      kind: 'config',
      what: { en: expect.stringContaining(what) },
      next: [{ en: expect.stringContaining('named volume'), zh: expect.stringContaining('命名卷') }],
    });
  });
});

it.each([
  ['/var/lib/postgresql', {}],
  ['/pg/', { PGDATA: '/pg/data' }],
])('accepts a volume above the data directory: %s', async (target, environment) => {
  const ops = answering((c) =>
    Object.assign(c.services.postgres, { environment, volumes: [{ type: 'volume', source: 'pgdata', target }] }),
  );
  expect((await resolveStack(ops)).volumes[0]?.mountPoint).toBe(target);
});

it('leaves a missing compose to the one who can tell what to do', async () => {
  for (const reply of [{ exitCode: 127 }, { exitCode: 1, stderr: "docker: 'compose' is not a docker command." }]) {
    expect(await failure(opsFor(reply))).toMatchObject({ kind: 'command' });
  }
});

it('says of what lies in the deploy directory where that is, whatever directory compose was asked about', async () => {
  const candidate = '/tmp/candidate/prod';
  const ops = answering(({ services }) => {
    services.whalefall.build.context = candidate;
    services.postgres.volumes.push(
      { type: 'bind', source: `${candidate}/certificates`, target: '/certificates', bind: { create_host_path: true } },
      { type: 'bind', source: `${candidate}-of-others`, target: '/others', bind: { create_host_path: true } },
    );
  });
  const { app, postgres } = (await resolveStack(ops, { projectDirectory: candidate })).services;
  expect(app.build?.context).toBe(ops.target.dir);
  expect(postgres.mounts.map((m) => m.source)).toEqual([
    'whalefall_pgdata',
    '',
    '/etc/pg',
    path.join(ops.target.dir, 'certificates'),
    `${candidate}-of-others`,
  ]);
});

it('knows what only compose gives a container, and what any engine does', async () => {
  const ops = answering((config) => {
    Object.assign(config, {
      secrets: { file: { file: '/srv/s' }, variable: { environment: 'S' } },
      configs: { written: { content: 'listen' } },
    });
    Object.assign(config.services.whalefall, {
      secrets: [{ source: 'file' }, { source: 'variable', target: '/run/s' }],
      configs: [{ source: 'written' }],
      links: ['postgres', 'redis:redis', 'postgres:db'],
      volumes_from: ['redis:ro', 'container:files'],
      pid: 'service:redis',
      ipc: 'host',
      post_start: [{ command: ['warm-up'] }],
    });
  });
  const { services } = await resolveStack(ops);
  expect(services.app.composeOnly).toEqual([
    'secrets: variable',
    'configs: written',
    'post_start',
    'pid: service:redis',
    'volumes_from: redis:ro',
    'links: postgres:db',
  ]);
  expect(services.postgres.composeOnly).toEqual([]);
});

it.each<[string, (config: Config) => void, object, RegExp | undefined]>([
  ['none is told', () => {}, {}, undefined],
  [
    'PGPORT says another',
    (c) => Object.assign(c.services.postgres.environment, { PGPORT: '6432' }),
    {},
    /postgres .*6432/,
  ],
  ['psql would not find the server', () => {}, { postgres: 6432 }, /postgres .*5432/],
  [
    'both say the same',
    (c) => Object.assign(c.services.postgres.environment, { PGPORT: '6432' }),
    { postgres: 6432 },
    undefined,
  ],
  ['Redis listens elsewhere', (c) => redisAt(c, '6380'), {}, /redis .*6380/],
  ['Redis does so by the target config', (c) => redisAt(c, '6380'), { redis: 6380 }, undefined],
])('says before anything begins that a port is not the target config’s: %s', async (_when, change, ports, said) => {
  const ops = answering(change);
  Object.assign(ops.target, { ports: { ...ops.target.ports, ...ports } });
  const ended = await resolveStack(ops).then(
    () => undefined,
    (e: unknown) => e,
  );
  if (said === undefined) expect(ended).toBeUndefined();
  else expect(ended).toMatchObject({ kind: 'config', message: expect.stringMatching(said) });
});

const redisAt = (config: Config, port: string) =>
  Object.assign(config.services.redis, { command: ['redis-server', '--port', port] });
