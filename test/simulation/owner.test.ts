import { mkdirSync, openSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Script } from '../../lib/runs/command-line/script.ts';
import { projectLock } from '../../lib/runs/main/lock-file.ts';
import { backupProd } from '../../scripts/backup-prod.ts';
import { deployProdAll } from '../../scripts/deploy-prod-all.ts';
import { rehearseDisaster } from '../../scripts/rehearse.ts';
import { restoreProd } from '../../scripts/restore-prod.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { updateProdFlask } from '../../scripts/update-prod-flask.ts';
import { type Deployment, deployment, production } from './model/deployment.ts';
import { othersOf, owners, runAndCheck } from './model/invariants.ts';
import { release } from './model/release.ts';
import { from, secondCheckout } from './model/second-checkout.ts';
import { sweep } from './model/sweep.ts';

vi.setConfig({ testTimeout: 60_000 });

const KEEP = ['--yes', '--data', 'keep'];

/** Scripts that change something, each with what makes it do so. */
const CHANGING: readonly (readonly [string, readonly string[], Script])[] = [
  ['deploy-prod-all', KEEP, deployProdAll],
  ['deploy-prod-all', ['--data', 'delete', '--confirm', 'DELETE ALL DATA'], deployProdAll],
  ['update-prod-flask', ['--yes'], updateProdFlask],
  ['restore-prod', ['--confirm', 'RESTORE whalefall_prod'], restoreProd],
  ['restore-prod', ['--drop', 'whalefall_prod_before_20260102t030405z'], restoreProd],
  ['rollback-prod', ['previous', '--yes'], rollbackProd],
  ['rehearse', ['--yes'], rehearseDisaster],
];

async function moved(): Promise<Deployment> {
  const d = await production();
  const dir = path.join(d.root, 'elsewhere', 'prod');
  mkdirSync(path.dirname(dir));
  renameSync(d.dir, dir);
  return from(d, dir);
}

describe('a second checkout in a directory of the same name', () => {
  it.each(CHANGING)('is refused what the first one made, and both are named: %s %j', async (_name, args, script) => {
    const second = await secondCheckout(deployment());
    const first = path.join(second.root, 'prod');
    for (const more of [[], ['--plan']]) {
      const ended = await runAndCheck(second, [...args, ...more], { script });
      expect(ended).toMatchObject({ exitCode: 3, changes: [] });
      expect(ended.text).toContain(`Compose project prod was made by another directory: ${first} (`);
      expect(ended.text).toContain(`This one is ${second.dir}.`);
      expect(ended.text).toContain(`--dir ${first}`);
    }
  });

  it('may back up what it sees there, and is told whose it is', async () => {
    const second = await secondCheckout(deployment());
    const before = othersOf(second);
    const ended = await second.run(['create'], { script: backupProd });
    expect(ended.exitCode, ended.text).toBe(0);
    expect(owners(second, ended, before).filter((wrong) => !/ exec /.test(wrong))).toEqual([]);
    expect(ended.text).toContain('was made by another directory');
  });

  it('may look at releases, and is told whose they are', async () => {
    const second = await secondCheckout(deployment());
    const ended = await runAndCheck(second, ['list'], { script: rollbackProd });
    expect(ended).toMatchObject({
      exitCode: 0,
      changes: [],
      text: expect.stringContaining('made by another directory'),
    });
  });

  it('takes it over with --adopt and a typed consent, and is not asked again', async () => {
    const second = await secondCheckout(deployment());
    second.writeEnv(readFileSync(path.join(second.root, 'prod', '.env'), 'utf8'));
    const plan = await runAndCheck(second, [...KEEP, '--plan', '--adopt']);
    expect(plan).toMatchObject({ exitCode: 0, changes: [] });
    expect(plan.text).toMatch(/takes over what another directory made:\s+prod_\w+_prod +\S+\/prod/);
    for (const answer of [[], ['--confirm', 'adopt prod'], ['--confirm', 'ADOPT other']])
      expect(await runAndCheck(second, [...KEEP, '--adopt', ...answer])).toMatchObject({ exitCode: 4, changes: [] });
    const ended = await runAndCheck(second, [...KEEP, '--adopt', '--confirm', 'ADOPT prod']);
    expect(ended.exitCode, ended.text).toBe(0);
    second.machine.release = release('next');
    const again = await runAndCheck(second, KEEP);
    expect(again.exitCode, again.text).toBe(0);
    // Now it is the first one that would meet a stranger's.
    const first = from(second, path.join(second.root, 'prod'));
    expect(await first.run(KEEP)).toMatchObject({ exitCode: 3, changes: [] });
  });

  it('takes it over and deletes its data, with a phrase for each on the command line', async () => {
    const second = await secondCheckout(deployment());
    second.writeEnv(readFileSync(path.join(second.root, 'prod', '.env'), 'utf8'));
    const both = ['--data', 'delete', '--adopt', '--confirm', 'DELETE ALL DATA'];
    expect(await runAndCheck(second, both)).toMatchObject({ exitCode: 4, changes: [] });
    const ended = await runAndCheck(second, [...both, '--confirm', 'ADOPT prod']);
    expect(ended.exitCode, ended.text).toBe(0);
  });

  it('changes nothing of it, whatever command goes wrong', async () => {
    const { broken, tried } = await sweep({
      args: KEEP,
      given: secondCheckout,
      sample: { changes: 0, reads: 6 },
    });
    expect(broken.join('\n\n')).toBe('');
    expect(tried).toBeGreaterThan(4);
  });
});

describe('the same directory', () => {
  it('is the same by another path', async () => {
    const d = await production();
    mkdirSync(path.join(d.root, 'links'));
    symlinkSync(d.dir, path.join(d.root, 'links', 'prod'));
    const ended = await runAndCheck(from(d, path.join(d.root, 'links', 'prod')), KEEP);
    expect(ended.exitCode, ended.text).toBe(0);
  });

  it('is told by which of its names its stack is to be had', async () => {
    const d = await production();
    const link = path.join(d.root, 'current');
    symlinkSync(d.dir, link);
    const ended = await runAndCheck(from(d, link), KEEP);
    expect(ended).toMatchObject({ exitCode: 3, changes: [] });
    expect(ended.text).toContain("This directory's stack runs as compose project prod (");
    expect(ended.text).toContain(`--dir ${d.dir}\n`);
    expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  });

  it('asks whether it was moved when the old path is gone', async () => {
    const d = await moved();
    const ended = await runAndCheck(d, KEEP);
    expect(ended).toMatchObject({ exitCode: 3, changes: [] });
    expect(ended.text).toMatch(
      /was made by \S+\/prod, which is no longer there .* Was it moved to \S+elsewhere\/prod\?/,
    );
    const adopted = await runAndCheck(d, [...KEEP, '--adopt', '--confirm', 'ADOPT prod']);
    expect(adopted.exitCode, adopted.text).toBe(0);
    expect((await runAndCheck(d, [...KEEP, '--plan'])).exitCode).toBe(0);
  });

  it('is told that its stack goes by another project’s name', async () => {
    const d = await production();
    d.editCompose((file) => Object.assign(file, { name: 'renamed' }));
    for (const [, args, script] of CHANGING) {
      const ended = await runAndCheck(d, args, { script });
      expect(ended).toMatchObject({ exitCode: 3, changes: [] });
      expect(ended.text).toContain("This directory's stack runs as compose project prod (");
      expect(ended.text).toContain('COMPOSE_PROJECT_NAME=prod');
      expect(ended.text).not.toContain('--dir');
    }
    // There is nothing to be had by this name; that the database does not run would not be true.
    const backup = await runAndCheck(d, ['create'], { script: backupProd });
    expect(backup).toMatchObject({ exitCode: 3, changes: [] });
    expect(backup.text).toContain("This directory's stack runs as compose project prod (");
    expect(backup.text).not.toContain('does not run');
  });

  it('is told when other compose files made what runs', async () => {
    const d = await production();
    Object.assign(d.container('redis')?.labels ?? {}, {
      'com.docker.compose.project.config_files': `${d.dir}/docker-compose.prod.yml,${d.dir}/override.yml`,
    });
    const ended = await runAndCheck(d, [...KEEP, '--plan']);
    expect(ended).toMatchObject({
      exitCode: 0,
      text: expect.stringMatching(/prod_redis_prod: made with .*override\.yml/),
    });
  });
});

describe('another machine’s engine', () => {
  it.each([...CHANGING, ['backup-prod', ['create'], backupProd]] as const)(
    'is refused: %s %j',
    async (_name, args, script) => {
      const d = await production();
      d.machine.endpoint = 'ssh://ops:secret-login@far.example.org';
      const ended = await runAndCheck(d, args, { script });
      expect(ended).toMatchObject({ exitCode: 3, changes: [] });
      expect(ended.text).toContain('another machine’s engine: ssh://far.example.org (docker context far-away)');
      expect(ended.text).toContain('docker context use default');
      expect(ended.text).not.toContain('secret-login');
    },
  );

  it('is told to whoever only looks', async () => {
    const d = await production();
    d.machine.endpoint = 'tcp://10.0.0.7:2376';
    const ended = await runAndCheck(d, ['list'], { script: rollbackProd });
    expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('another machine’s engine') });
  });
});

it('waits for nobody of another directory who works on the same project, and says where', async () => {
  const d = await production();
  const { file } = projectLock(d.locks, 'MODEL:ENGINE', 'prod');
  const holder = { script: 'update-prod-flask', user: 'deploy', host: 'model', pid: 7, since: 'now', dir: '/srv/prod' };
  writeFileSync(file, `${JSON.stringify(holder)}\n`);
  const flock = ['flock', '-n', '-x', '-E', '75', '3'];
  d.machine.run({ argv: flock, env: {}, input: Buffer.alloc(0), extraFd: openSync(file, 'r') });
  const ended = await d.run(KEEP);
  expect(ended).toMatchObject({ exitCode: 5, changes: [] });
  expect(ended.text).toMatch(
    /another deploy directory holds compose project prod: update-prod-flask, deploy@model.*\/srv\/prod/,
  );
  d.machine.dropLock();
  expect((await runAndCheck(d, KEEP)).exitCode).toBe(0);
});
