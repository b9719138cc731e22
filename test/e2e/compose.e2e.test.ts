import { expect, it } from 'vitest';
import { composeReasons } from '../../lib/domain/release/compose-changes.ts';
import { findRebuildReasons } from '../../lib/domain/release/find-rebuild-reasons.ts';
import { resolveStack } from '../../lib/domain/stack/compose-config.ts';
import { treeOf } from '../../lib/tools/git/tree.ts';
import { type Scene, scene } from './git.repos.ts';

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
    pyproject: async () => undefined,
  });
  return found.map(({ path, why }) => `${path}: ${why.en}`);
}

const WHOLE = 'would be another; a container has it from its creation on';

it.each<[string, Record<string, string | null>, string[]]>([
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
])('is told what a release makes of the services by compose: %s', async (_, changes, expected) => {
  const s = deployed();
  expect(await reasons(s, changes)).toEqual(expected);
});

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
