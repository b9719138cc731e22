import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../lib/core/run.ts';
import { composeReasons } from '../../lib/domain/release/compose-changes.ts';
import { driftReasons } from '../../lib/domain/release/compose-drift.ts';
import { findRebuildReasons } from '../../lib/domain/release/find-rebuild-reasons.ts';
import { resolveStack } from '../../lib/domain/stack/compose-config.ts';
import { config, hashOf } from '../../lib/tools/docker/compose.ts';
import type { Definition } from '../../lib/tools/docker/definition.ts';
import { treeOf } from '../../lib/tools/git/tree.ts';
import { type Scene, scene } from './git.repos.ts';
import { some } from './thorough.ts';

// Real compose and real git; nothing is started.

const STORES = `
  postgres: {image: "postgres:15", volumes: ["data:/var/lib/postgresql/data"]}
  redis: {image: "redis:7"}`;
const MAIN = `volumes: {data: {}}
services:${STORES}
  whalefall:
    image: whalefall:prod
    extends: {file: deploy/common.yml, service: app}
    env_file: [deploy/app.env]
    environment: {POSTGRES_PASSWORD: "\${POSTGRES_PASSWORD}", LABEL: "\${NOBODY_SETS}"}
`;
const FILES = {
  'docker-compose.prod.yml': MAIN,
  'docker-compose.dev.yml': 'services: {x: {image: x}}\n',
  'deploy/common.yml': 'services: {app: {ports: ["8080:80"], restart: always}}\n',
  'deploy/app.env': 'WORKERS=2\n',
  'override.yml': 'services: {whalefall: {ports: ["8443:443"]}}\n',
  'extra.yml': 'services: {worker: {image: "whalefall:prod", profiles: [jobs]}, beat: {image: "whalefall:prod"}}\n',
  'Dockerfile.prod': 'FROM x\nCOPY requirements.txt deps.sh /app/\nRUN sh deps.sh\nCOPY . /app\n',
  'deps.sh': 'pip install -r /app/requirements.txt\n',
  'requirements.txt': '-r requirements-base.txt\n',
  'requirements-base.txt': 'flask\n',
  'requirements-dev.txt': 'pytest\n',
};

function deployed(env = ''): Scene {
  const s = scene(FILES);
  s.write('.env', `POSTGRES_PASSWORD=se-cr3t-value\n${env}`);
  return s;
}

async function reasons(s: Scene, changes: Record<string, string | null>): Promise<string[]> {
  const before = s.git('rev-parse', 'HEAD');
  const after = s.release(changes);
  s.git('fetch', '-q', 'origin');
  const blobs = async (commit: string) =>
    new Map([...(await treeOf(s.ops, commit))].map(([file, { blob }]) => [file, blob]));
  const found = await findRebuildReasons(s.ops, {
    before: await blobs(before),
    after: await blobs(after),
    commits: { before, after },
    former: undefined,
    buildTarget: undefined,
    pyproject: async () => undefined,
  });
  return found.map(({ path, why }) => `${path}: ${why.en}`);
}

const WHOLE = 'would be another; a container has it from its creation on';

const RELEASES: readonly (readonly [string, Record<string, string | null>, readonly string[]])[] = [
  ['another compose file', { 'docker-compose.dev.yml': 'services: {}\n' }, []],
  ['another way to write the same', { 'docker-compose.prod.yml': `# all of it\n${MAIN}` }, []],
  [
    'a service that is none of ours',
    { 'docker-compose.prod.yml': MAIN.replace('services:', 'services:\n  mail: {image: m}') },
    [],
  ],
  [
    'what it extends',
    { 'deploy/common.yml': 'services: {app: {ports: ["8080:8080"], restart: always}}\n' },
    [`docker-compose.prod.yml: whalefall.ports ${WHOLE}`],
  ],
  [
    'its env_file',
    { 'deploy/app.env': 'WORKERS=4\nNEW_KEY=another-secret\n' },
    [`docker-compose.prod.yml: whalefall.environment.WORKERS, whalefall.environment.NEW_KEY ${WHOLE}`],
  ],
  [
    'another image of a store',
    { 'docker-compose.prod.yml': MAIN.replace('redis:7', 'redis:8') },
    [`docker-compose.prod.yml: redis.image ${WHOLE}`],
  ],
  [
    'what a volume is',
    { 'docker-compose.prod.yml': MAIN.replace('data: {}', 'data: {name: elsewhere}') },
    [`docker-compose.prod.yml: postgres.volumes.data ${WHOLE}`],
  ],
  ['requirements that no build reads', { 'requirements-dev.txt': 'pytest==9\n' }, []],
  [
    'requirements that others name',
    { 'requirements-base.txt': 'flask==4\n' },
    ['requirements-base.txt: changed; only a build reads it'],
  ],
  ['another Dockerfile', { 'Dockerfile.dev': 'FROM y\n' }, []],
];
it.each(some(RELEASES, 1, 3, 5, 8))(
  'is told what a release makes of the services by compose: %s',
  async (_, changes, expected) => {
    const s = deployed();
    expect(await reasons(s, changes)).toEqual(expected);
  },
);

it('says what compose says of a file that it refuses', async () => {
  const s = deployed();
  const [said = '', ...more] = await reasons(s, { 'deploy/common.yml': 'services: [\n' });
  expect(more).toEqual([]);
  expect(said).toMatch(/^docker-compose\.prod\.yml: changed, and compose can't say what it would make of it: .*yaml/s);
  expect(said).not.toContain('se-cr3t-value');
});

it('takes the files that lie here for those of a commit that nobody knows', async () => {
  const s = deployed();
  const after = s.release({ 'deploy/app.env': 'WORKERS=4\n' });
  s.git('fetch', '-q', 'origin');
  expect((await composeReasons(s.ops, undefined, after)).map((r) => r.why.en)).toEqual([
    `whalefall.environment.WORKERS ${WHOLE}`,
  ]);
});

it('takes the compose files and profiles that compose takes: from .env, and before that from the terminal', async () => {
  const named = 'COMPOSE_FILE=docker-compose.prod.yml:override.yml:extra.yml\n';
  const s = deployed(named);
  const ports = async (ops = s.ops) => (await resolveStack(ops)).services.app.ports.map((p) => p.published);
  expect(await ports()).toEqual([8080, 8443]);
  const others = async () => (await resolveStack(s.ops)).others.map((o) => `${o.key}: ${o.code}`);
  expect(await others()).toEqual(['beat: image']);
  s.write('.env', `POSTGRES_PASSWORD=se-cr3t-value\n${named}COMPOSE_PROFILES=jobs\n`);
  expect(await others()).toEqual(['beat: image', 'worker: image']);
  const target = { ...s.ops.target, composeFiles: ['docker-compose.prod.yml'] };
  expect(await ports({ ...s.ops, target })).toEqual([8080]);
  s.write('.env', 'COMPOSE_FILE=docker-compose.dev.yml\n');
  await expect(resolveStack(s.ops)).rejects.toMatchObject({
    kind: 'config',
    what: {
      en: expect.stringMatching(/^COMPOSE_FILE names .*docker-compose\.dev\.yml, and docker-compose\.prod\.yml/),
    },
  });
});

it('knows that a file of COMPOSE_FILE changes the service', async () => {
  const s = deployed('COMPOSE_FILE=docker-compose.prod.yml:override.yml\n');
  expect(await reasons(s, { 'override.yml': 'services: {whalefall: {ports: ["8444:443"]}}\n' })).toEqual([
    `docker-compose.prod.yml, override.yml: whalefall.ports ${WHOLE}`,
  ]);
});

it('hears what compose warns of', async () => {
  const s = deployed();
  expect((await resolveStack(s.ops)).warnings).toEqual([
    'The "NOBODY_SETS" variable is not set. Defaulting to a blank string.',
  ]);
});

it('finds files that git does not have: in the deploy directory, beside it, and by their whole path', async () => {
  const s = deployed('COMPOSE_FILE=docker-compose.prod.yml:here.yml:../beside/beside.yml\n');
  s.write('here.yml', 'services: {whalefall: {env_file: [.env, .env.local, deploy/secrets.env]}}\n');
  s.write('.env.local', 'LOCAL=1\n');
  s.write('deploy/secrets.env', 'TOKEN=another-s3cret\n'); // in a directory that git has
  s.write(
    '../beside/beside.yml',
    `services: {whalefall: {env_file: ["../beside/far.env", "${s.dir}/private/own.env"], volumes: ["./conf:/conf"]}}\n`,
  );
  s.write('../beside/far.env', 'FAR=1\n');
  s.write('private/own.env', 'OWN=1\n');
  expect(await reasons(s, { 'app.py': 'two\n' })).toEqual([]);
  expect(await reasons(s, { 'deploy/app.env': 'WORKERS=3\n' })).toEqual([
    `docker-compose.prod.yml, here.yml, ../beside/beside.yml: whalefall.environment.WORKERS ${WHOLE}`,
  ]);
  expect(readdirSync(s.ops.paths.run)).toEqual([]);
  expect(JSON.stringify(s.journal)).not.toContain('another-s3cret');
});

it('misses what the release takes away, although what git does not have lies beside it', async () => {
  const s = deployed();
  s.write('deploy/local.env', 'A=1\n');
  const [said, ...more] = await reasons(s, { 'deploy/app.env': null });
  expect(more).toEqual([]);
  expect(said).toContain(`compose can't say what it would make of it: `);
  expect(said).toContain(path.join(s.dir, 'deploy/app.env'));
  expect(said).not.toContain('compose-now');
});

it('writes nothing through a link that the release has where a directory lies here', async () => {
  const s = deployed();
  const elsewhere = path.join(s.root, 'elsewhere');
  mkdirSync(elsewhere);
  s.write('conf/deep/local.env', 'A=1\n');
  s.write('conf/tracked', 'x');
  s.git('add', 'conf/tracked');
  symlinkSync(elsewhere, path.join(s.root, 'desk', 'conf'));
  expect(await reasons(s, { 'deploy/app.env': 'WORKERS=3\n' })).toHaveLength(1);
  expect(readdirSync(elsewhere)).toEqual([]);
});

describe('what runs', () => {
  /** As compose would make it of the deploy directory as it is. */
  const made = async (s: Scene, version = '2.26.1'): Promise<Definition> => {
    const { stdout } = await run(s.ops, config(s.ops.target));
    const [, hash = ''] = (await run(s.ops, hashOf(s.ops.target, 'whalefall', stdout))).stdout.trim().split(' ');
    const { environment } = (JSON.parse(stdout) as { services: { whalefall: { environment: object } } }).services
      .whalefall;
    const Labels = { 'com.docker.compose.config-hash': hash, 'com.docker.compose.version': version };
    const Env = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    return { Config: { Image: 'whalefall:prod', Env, Labels } } as unknown as Definition;
  };
  const drift = async (s: Scene, runs: Definition, env?: string) => {
    const commit = s.git('rev-parse', 'HEAD');
    return (await driftReasons(s.ops, runs, { commit, env, compose: '2.26.1-4' })).map((r) => r.why.en);
  };
  const withOverride = () => {
    const s = deployed('COMPOSE_FILE=docker-compose.prod.yml:here.yml\n');
    s.write('here.yml', 'services: {whalefall: {env_file: [.env.local], mem_limit: 1g}}\n');
    s.write('.env.local', 'LOCAL=1\n');
    return s;
  };

  it('fits the release, whatever else was changed', async () => {
    const s = withOverride();
    const runs = await made(s);
    s.write('docker-compose.dev.yml', 'services: {}\n');
    s.write('other.yml', 'services: {}\n');
    expect(await drift(s, runs)).toEqual([]);
  });

  it('is not what compose would make when a file was edited that git does not have', async () => {
    const s = withOverride();
    const runs = await made(s);
    s.write('.env.local', 'LOCAL=2\n');
    expect(await drift(s, runs)).toEqual([
      expect.stringContaining('another container of whalefall than the one that runs (LOCAL): '),
    ]);
    s.write('.env.local', 'LOCAL=1\n');
    s.write('here.yml', 'services: {whalefall: {env_file: [.env.local], mem_limit: 2g}}\n');
    expect(await drift(s, runs)).toEqual([
      expect.stringContaining('another container of whalefall than the one that runs: '),
    ]);
  });

  it('is judged by its variables alone when another version of compose made it', async () => {
    const s = withOverride();
    const runs = await made(s, '2.20.0');
    s.write('here.yml', 'services: {whalefall: {env_file: [.env.local], mem_limit: 2g}}\n');
    expect(await drift(s, runs)).toEqual([]);
    s.write('.env.local', 'LOCAL=2\n');
    expect(await drift(s, runs)).toHaveLength(1);
  });

  it('fits when only .env was changed, of which the former one is known', async () => {
    const s = withOverride();
    const runs = await made(s);
    const former = readFileSync(path.join(s.dir, '.env'), 'utf8');
    s.write('.env', former.replace('se-cr3t-value', 'an0ther'));
    expect(await drift(s, runs)).toHaveLength(1);
    expect(await drift(s, runs, former)).toEqual([]);
  });
});
