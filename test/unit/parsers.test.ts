import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { OpsError } from '../../lib/core/errors.ts';
import { settings } from '../../lib/domain/app/gunicorn.ts';
import { lookAround } from '../../lib/domain/app/inventory.ts';
import { readMarker } from '../../lib/domain/app/marker.ts';
import { listPrograms } from '../../lib/domain/app/programs.ts';
import { readDrills } from '../../lib/domain/ledger/drills.ts';
import { resolveStack } from '../../lib/domain/stack/compose-config.ts';
import { surveyPrerequisites } from '../../lib/domain/stack/prerequisites.ts';
import { inspectContainers } from '../../lib/tools/docker/containers.ts';
import { findVolume } from '../../lib/tools/docker/same-volume.ts';
import { inspectCheckout } from '../../lib/tools/git/checkout.ts';
import { listRemotes } from '../../lib/tools/git/remotes.ts';
import { treeOf } from '../../lib/tools/git/tree.ts';
import { testOps } from '../support/ops.ts';
import type { Call, Reply } from '../support/scripted-spawn.ts';

// Whatever a tool answers, what comes out is what it said or an error of ours: never a bug, and never another word than it said.
type Answer = string | Buffer;
let answer: (call: Call) => Reply;
const ops = testOpsOnce();

/** Making one for each of many answers would take most of the time. */
function testOpsOnce() {
  let made: ReturnType<typeof testOps> | undefined;
  return () => {
    made ??= testOps((call) => answer(call));
    onTestFinished(() => {
      made = undefined;
    });
    return made;
  };
}

let commits = 0;
/** What one holds is asked once. */
function nextCommit(): string {
  commits += 1;
  return String(commits).padStart(40, '0');
}

async function says<T>(text: Answer, ask: () => Promise<T>): Promise<T | OpsError> {
  answer = () => ({ stdout: typeof text === 'string' ? [Buffer.from(text)] : [text] });
  try {
    return await ask();
  } catch (error) {
    if (error instanceof OpsError) return error;
    throw error;
  }
}

const junk = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.json({ maxDepth: 3 }),
  fc.constantFrom('', 'null', '[]', '{}', '[null]', '[{}]', '{"services":null}', '\ufeff[]', '"\u001b[2J"'),
);

/** A value with one of its parts, however deep, replaced by anything. */
const spoiled = (good: unknown) =>
  fc.tuple(fc.nat(), fc.jsonValue({ maxDepth: 1 })).map(([at, other]) => {
    let left = at % 40;
    return JSON.stringify(good, (_, value) => (left-- === 0 ? other : value));
  });

const CONTAINER = {
  Id: 'c1',
  Name: '/shop_app',
  Image: 'sha256:1',
  RestartCount: 0,
  Mounts: [],
  State: {
    StartedAt: '2026-01-01T00:00:00Z',
    FinishedAt: '0001-01-01T00:00:00Z',
    Status: 'running',
    Health: { Status: 'healthy' },
  },
  Config: { Labels: { 'com.docker.compose.service': 'whalefall' } },
  NetworkSettings: { Ports: { '80/tcp': [{ HostIp: '', HostPort: '80' }] }, Networks: { n: { IPAddress: '1.2.3.4' } } },
};
const SERVICE = { image: 'x', environment: { A: '$b' }, ports: [{ target: 80, published: '80', protocol: 'tcp' }] };
const DATA = { type: 'volume', source: 'data', target: '/var/lib/postgresql/data' };
const CONFIG = {
  name: 'shop',
  services: { postgres: { ...SERVICE, volumes: [DATA] }, redis: SERVICE, whalefall: SERVICE },
  volumes: { data: { name: 'shop_data' } },
  networks: { n: { name: 'shop_n' } },
};
const PROGRAMS = {
  programs: [
    {
      name: 'web',
      state: 'RUNNING',
      pid: 7,
      start: 1,
      argv: ['g'],
      cwd: '/app',
      ports: [5001],
      scheduler: '',
      workers: [{ pid: 8, start: 1 }],
    },
  ],
  said: 'web RUNNING pid 7',
  uptime: 9,
  booted: 1,
};

const ENTRY = { mode: '100644', blob: 'b'.repeat(40) };
const AROUND = {
  files: { 'app.py': ENTRY },
  elsewhere: { '/etc/x': ENTRY },
  contents: { '/app/.whalefall-release.json': '{"commit":"x"}', '/app/.whalefall-staging': null },
};

describe.each<[string, unknown, () => Promise<unknown>]>([
  ['docker inspect', [CONTAINER], () => inspectContainers(ops(), ['c1'])],
  ['docker volume inspect', [{ Name: 'v', CreatedAt: '2026', Driver: 'local' }], () => findVolume(ops(), 'v')],
  ['docker compose config', CONFIG, () => resolveStack(ops())],
  ['supervisor’s programs', PROGRAMS, () => listPrograms(ops(), 'c1')],
  ['the release’s marker', { commit: 'a'.repeat(40), run: 'x' }, () => readMarker(ops(), 'c1')],
  ['what lies in the container', AROUND, () => lookAround(ops(), 'c1', [])],
])('%s', (_what, good, ask) => {
  it('is what it said, or an error of ours', async () => {
    writeFileSync(path.join(ops().target.dir, 'docker-compose.prod.yml'), '');
    expect(await says(JSON.stringify(good), ask)).not.toBeInstanceOf(OpsError);
    await fc.assert(
      fc.asyncProperty(fc.oneof(junk, spoiled(good)), async (text) => {
        await says(text, ask);
      }),
      { numRuns: 30 },
    );
  });
});

it.each([
  ['2.26.1', true],
  ['2.26.1-4', true],
  ['v2.17.0', true],
  ['2.40.3-desktop.1', true],
  ['5.0.0', true],
  ['2.16.9', false],
  ['1.29.2', false],
  ['dev', false],
  ['', false],
  ['\u001b[31m2', false],
])('knows whether compose %j will do', async (version, good) => {
  const o = ops();
  for (const file of ['docker-compose.prod.yml', 'Dockerfile.prod']) writeFileSync(path.join(o.target.dir, file), '');
  answer = ({ argv }) => {
    if (argv.includes('config')) return { exitCode: 1 };
    return { stdout: argv.includes('compose') ? `${version}\n` : argv.includes('log') ? 'c0ffee\nA release\n' : '' };
  };
  const survey = surveyPrerequisites(o).then(
    (found) => found.compose,
    (error: OpsError) => error.kind,
  );
  expect(await survey).toBe(good ? version.replace('v', '') : 'precondition');
});

describe('git', () => {
  const name = fc
    .array(
      fc.oneof(fc.constantFrom('a', '/', '"', "'", '\n', '\t', '\\', ' ', '-', '鲸', '\u001b', ' -> '), fc.string()),
      { minLength: 1, maxLength: 6 },
    )
    .map((parts) => parts.join('').replaceAll('\0', '').toString() || 'x')
    .filter((text) => Buffer.from(text).toString() === text);

  it('status: every name as it is, whatever is in it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(' M', 'A ', '??', 'D '), name), { maxLength: 4 }),
        async (entries) => {
          const lines = entries.map(([mark, file]) => `${mark} ${file}`);
          answer = ({ argv }) => {
            if (argv.includes('config')) return { exitCode: 1 };
            return { stdout: argv.includes('log') ? 'c0ffee\ns\n' : lines.map((line) => `${line}\0`).join('') };
          };
          expect((await inspectCheckout(ops(), '/d'))?.changed).toEqual(lines);
        },
      ),
      { numRuns: 30 },
    );
    answer = () => ({});
    await inspectCheckout(ops(), '/d');
    // With renames the second name of a pair has no mark, and would lose its beginning.
    expect(ops().scripted.calls.find((c) => c.argv.includes('status'))?.argv).toContain('--no-renames');
  });

  it('ls-tree: every name and blob as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, { maxLength: 4 }), async (names) => {
        const text = names.map((file, i) => `100644 blob ${String(i).padStart(40, '0')}\t${file}\0`).join('');
        const tree = await says(text, () => treeOf(ops(), nextCommit()));
        expect([...(tree as ReadonlyMap<string, unknown>).keys()]).toEqual(names);
      }),
      { numRuns: 30 },
    );
  });

  it('never anything but an error of ours', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
        async (bytes) => {
          await says(bytes, () => treeOf(ops(), nextCommit()));
          await says(bytes, () => listRemotes(ops()));
        },
      ),
      { numRuns: 30 },
    );
  });
});

it('drills and gunicorn’s settings: what can’t be read is left out', () => {
  const { paths } = ops();
  mkdirSync(paths.state, { recursive: true });
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 3 }), (lines) => {
      writeFileSync(path.join(paths.state, 'drills'), lines.join('\n'));
      expect(readDrills(paths)).toEqual([]);
      settings(lines.join('\n'));
    }),
    { numRuns: 30 },
  );
});
