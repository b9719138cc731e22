import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SENTINELS } from '../sandbox/env-file.ts';
import { type Ended, runScript } from '../support/run-script.ts';
import { type Fault, MORE, USUAL } from './doctor/faults.ts';
import { leaksBelow, leaksIn } from './secrets/leaks.ts';
import { sharedStack } from './shared.ts';
import { itInFull, some } from './thorough.ts';
import type { Stack } from './update/stack.ts';

// Each fault is made on a real stack, and has to be named first, and alone; then it is put back.
let stack: Stack;
const REPO = path.join(import.meta.dirname, '../..');
const outputs: string[] = [];

/** What is true of a sandbox, and no fault: it has never been drilled, its machine is busy, its workers are as the deployed ones are. */
const JUSTIFIED = [
  'gunicorn.recycling',
  'gunicorn.timeouts',
  'supervisor.flapping',
  'host.load',
  'host.memory',
  'host.disk',
  'host.clock',
]
  .concat(['backup.age', 'backup.level', 'backup.elsewhere', 'drill.age', 'alerts.configured'])
  // What the engine last saw is half a minute old, and the file before left files that no commit has.
  .concat(['container.health', 'container.restarts']);

interface Finding {
  readonly id: string;
  readonly level: string;
  readonly under?: string;
  readonly acknowledged?: object;
  readonly seen: readonly { readonly en: string }[];
  readonly mend: readonly { readonly en: string }[];
}

async function doctor(...args: string[]): Promise<Ended> {
  const ended = await runScript('doctor', ['--dir', stack.sandbox.deployDir, '--config', stack.config, ...args]);
  outputs.push(ended.text);
  return ended;
}

/** What is wrong, in the order that it is told; without what is acknowledged. */
async function found(): Promise<readonly Finding[]> {
  const { text } = await doctor('--json');
  const events = text
    .split('\n')
    .flatMap((line): (Finding & { event: string })[] => (line.startsWith('{"event"') ? [JSON.parse(line)] : []));
  return events.filter((e) => e.event === 'finding' && /WARN|FAIL/.test(e.level) && e.acknowledged === undefined);
}

const briefly = (all: readonly Finding[]) => all.map(({ id, seen }) => `${id}: ${seen.map((s) => s.en).join('; ')}`);

beforeAll(async () => {
  stack = await sharedStack();
  stack.patience(120, { acknowledged: JUSTIFIED.map((id) => ({ id, reason: 'a sandbox', until: '2099-12-31' })) });
});
afterAll(() => stack?.patience());

it('finds nothing on a sound stack', async () => {
  expect(briefly(await found())).toEqual([]);
  const quiet = await doctor('--quiet', '--only', 'database.*,redis.*,nginx.*');
  expect([quiet.exitCode, quiet.text]).toEqual([0, '']);
});

async function isNamedFirst({ finds, below = [], inject, putBack }: Fault): Promise<void> {
  let mended = false;
  try {
    await inject(stack);
    const all = await found();
    expect(all[0]?.id, briefly(all).join('\n')).toBe(finds);
    for (const id of below) expect(all.find((f) => f.id === id)?.under, `${id} follows`).toBeDefined();
    // Whatever else is shown at the top is of the same cause's kind, and only a warning.
    const others = all.slice(1).filter((f) => f.under === undefined && f.level === 'FAIL');
    expect(briefly(others)).toEqual([]);
    mended = tryCommands(all[0] as Finding);
  } finally {
    // A command may have put it back already, and there is nothing left to do it to.
    await (async () => putBack(stack))().catch((error: unknown) => {
      if (!mended) throw error;
    });
  }
}

/** Whatever is offered to be typed has to work as it stands there; but for our own long scripts, which have tests of their own. */
function tryCommands({ mend }: Finding): boolean {
  const typed = mend
    .map(({ en }) => en)
    .filter((en) => /^(docker (?!compose)|\(\. |(WHALEFALL_\S+ )*npx tsx scripts\/adhoc\/)/.test(en));
  const env = { ...process.env, WHALEFALL_DIR: stack.sandbox.deployDir };
  for (const command of typed) {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
      cwd: REPO,
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    const said = `${stdout}${stderr}`;
    // nginx -t tells what is wrong by failing; a log may have errors of others in it.
    const isWell = (status === 0 || / nginx -t$/.test(command)) && !/^(NOAUTH|ERROR: |\S+: ERROR)/m.test(said);
    expect(isWell, `${command}: exit code ${status}\n${said}`).toBe(true);
  }
  return typed.length > 0;
}

// One of each area; `E2E=full` makes all of them.
for (const fault of some(USUAL, 0, 1, 3, 5, 6)) it(`${fault.name}: ${fault.finds}`, () => isNamedFirst(fault));
for (const fault of MORE) itInFull(`${fault.name}: ${fault.finds}`, () => isNamedFirst(fault));

it('is sound again', async () => {
  await stack.settled();
  expect(briefly(await found())).toEqual([]);
});

it('works without an engine, which is what it finds', async () => {
  const text = await runScript('doctor', ['--dir', stack.sandbox.deployDir, '--config', stack.config], {
    env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' },
  });
  expect(text.exitCode).toBe(1);
  expect(text.text.split('\n')[0]).toBe('✗ engine.answers');
});

it('starts what was stopped, when it is told to', async () => {
  stack.inApp(['supervisorctl', 'stop', 'whalefall_scheduler']);
  const fixed = await doctor('--fix', '--yes', '--only', 'supervisor.programs');
  expect(fixed.text).toMatch(/✗ supervisor\.programs\n[\s\S]*Afterwards\n✓ 1 well/);
  expect(fixed.exitCode).toBe(0);
});

it('packs what may be sent, without a secret in it', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wfops-bundle-'));
  try {
    const file = path.join(dir, 'doctor.tar.gz');
    const packed = await doctor('--bundle', file, '--yes');
    expect(packed.exitCode, packed.text).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    execFileSync('tar', ['-xzf', file, '-C', dir]);
    expect(leaksBelow(path.join(dir, 'bundle'), SENTINELS)).toEqual([]);
    const names = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' });
    for (const name of ['MANIFEST.txt', 'findings.json', 'compose.json', 'logs/app.log', 'logs/app-files.log'])
      expect(names).toContain(`bundle/${name}\n`);
    expect(names).toMatch(/bundle\/runs\/\w+-deploy-prod-all\/journal\n/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

it('never shows a secret', () => {
  expect(outputs.flatMap((text, at) => leaksIn(`output ${at}`, text, SENTINELS))).toEqual([]);
});
