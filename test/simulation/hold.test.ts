import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { SCHEDULER_PATH } from './model/app.ts';
import { type Deployment, deployment, production } from './model/deployment.ts';
import { throughDoor } from './model/door.ts';
import { Doorman } from './model/doorman.ts';
import { held, keepsData, runAndCheck } from './model/invariants.ts';
import { restoreAgain, restoreAndCheck } from './model/invariants-restore.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { itSurvives } from './model/it-survives.ts';
import { rebuilt } from './model/rebuilt.ts';
import { NEW_REVISION, release } from './model/release.ts';
import { SCHEDULER_CONFIG, SCHEDULER_SETTINGS } from './model/release-files.ts';
import { RESTORE, restorable, YES } from './model/restorable.ts';
import { from } from './model/second-checkout.ts';
import { appOf, UPDATE, updatable } from './model/updatable.ts';
import { BACK, serving, TO, UPGRADE, upgradable, upgradeAgain, upgradeAndCheck } from './model/upgradable.ts';

vi.setConfig({ testTimeout: 60_000 });

const KEEP = ['--yes', '--data', 'keep'];
const NOBODY = /production was down +0 ms \(nginx 0 of \d+ requests failed.*; direct 0 of \d+ requests failed/;

/**
 * Somebody who asks at both ports whenever a command begins, and nginx for other paths as well.
 *
 * @returns when nobody would have listened, or nginx would have said 502.
 */
function visitor({ machine }: Deployment, ...paths: readonly string[]) {
  const { engine, firewall } = machine;
  const [refused, waited]: [string[], string[]] = [[], []];
  const times: number[] = [];
  const { override } = machine;
  machine.override = (call, typed) => {
    const basic = '/api/v1/health/basic';
    for (const [port, at] of [[28080, basic], [28081, basic], ...paths.map((p) => [28080, p] as const)] as const) {
      const peer = engine.publisher(firewall.leads(port) ?? port);
      const answer = peer && throughDoor(engine, peer, at);
      if (answer === 'waits') {
        waited.push(call.argv.join(' '));
        times.push(machine.clock.now());
      } else if (!answer?.ok) refused.push(`${answer?.status ?? 'refused'} at ${call.argv.join(' ')}`);
    }
    return override(call, typed);
  };
  return { refused, waited, since: () => times[0] ?? 0, until: () => times.at(-1) ?? 0 };
}

/** A machine whose rules may be changed. */
const holding = async (made?: Deployment) => withRules(await production(made));

function withRules(d: Deployment): Deployment {
  d.machine.absent.delete('iptables');
  d.machine.absent.delete('ip6tables');
  return d;
}

const FRONT = 'whalefall_prod_network';

it('requests are held in a network in which ports are published, and go to the new container also where that is in another one', async () => {
  const made = deployment();
  const inNetworks = (...networks: readonly string[]) =>
    made.editCompose((file) => {
      file.networks = { backend: null, [FRONT]: null, side: null };
      Object.assign(file.services.whalefall ?? {}, { networks: Object.fromEntries(networks.map((n) => [n, null])) });
    });
  inNetworks('backend', FRONT);
  const d = await holding(made);
  const { networks } = d.machine.engine;
  networks.set('prod_backend', { ...networks.get('prod_backend'), internal: 'true' });
  inNetworks('backend', 'side');
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  const posted = ended.calls.filter(
    ({ argv }) => argv.some((word) => /-doorman-(trial|1)$/.test(word)) && argv[1] === 'run',
  );
  expect(posted.map(({ argv }) => argv[argv.indexOf('--network') + 1])).toEqual([`prod_${FRONT}`, `prod_${FRONT}`]);
  expect(ended.changes.filter((c) => c.startsWith('docker network connect'))).toEqual([
    expect.stringMatching(/^docker network connect prod_(backend|side) prod_whalefall_prod-doorman-1$/),
  ]);
});

it('no request fails while a rebuild replaces the container, and nothing of the hold is left', async () => {
  const d = await holding();
  const { refused, waited } = visitor(d);
  const ended = await runAndCheck(d, KEEP);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringMatching(NOBODY) });
  expect(refused).toEqual([]);
  expect(waited).not.toEqual([]);
  expect(ended.text).toMatch(/requests meanwhile +wait at ports 28080, 28081, at most 60 s \(tried just now\)/);
});

it('a migration loads the application before anybody waits for it', async () => {
  const d = await holding();
  d.machine.release = release('new', { head: NEW_REVISION });
  const seen: string[] = [];
  const { override } = d.machine;
  d.machine.override = (call, typed) => {
    if (typed.endsWith(' db upgrade')) seen.push(call.input.length === 0 ? 'load' : 'go');
    if (typed.endsWith(' drain')) seen.push('drain');
    return override(call, typed);
  };
  await runAndCheck(d, KEEP);
  expect(seen).toEqual(['load', 'drain', 'go']);
});

it('does not take the doorman’s own page for the application’s answer', async () => {
  const d = await holding();
  const { engine } = d.machine;
  const { override } = d.machine;
  d.machine.override = (call, typed) => {
    // It waited for the application for as long as it may, and gave up.
    if (call.argv[0] === 'curl') for (const c of engine.containers) if (c.doorman) c.doorman.shut = true;
    return override(call, typed);
  };
  const ended = await runAndCheck(d, KEEP);
  expect(ended.text).toMatch(/a trial failed: a request to \S+ was not answered by way of it \(503\)/);
});

it('no request fails on the way back from a release that does not get healthy', async () => {
  const d = await holding();
  d.machine.release = release('broken', { deepUnhealthy: true });
  writeFileSync(path.join(d.root, 'target.json'), JSON.stringify({ bootSeconds: 90 }));
  const { refused, waited, since, until } = visitor(d);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toMatch(/Production was down: 0 ms/);
  expect(refused).toEqual([]);
  expect(waited).not.toEqual([]);
  expect(until() - since(), 'who waits longer is turned away').toBeLessThan(60_000);
});

it('no request fails while a rollback by image replaces the container', async () => {
  const d = withRules(deployment());
  await rebuilt(d);
  const { refused, waited } = visitor(d);
  const ended = await d.run(['previous', '--way', 'image', '--yes'], { script: rollbackProd });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(refused).toEqual([]);
  expect(waited).not.toEqual([]);
});

it('a helper made from the image of a container that was committed is never taken for the application', async () => {
  const d = withRules(deployment());
  await rebuilt(d);
  const { image, labels = {}, layer } = appOf(d);
  const committed = d.machine.engine.addImage('app', 'whalefall:committed', {
    ...image,
    id: 'sha256:c0',
    labels,
    layer,
  });
  Object.assign(appOf(d), { image: committed });
  const COMPOSE = 'com.docker.compose';
  const { override } = d.machine;
  const taken: string[] = [];
  d.machine.override = (call, typed) => {
    for (const { name, labels = {} } of d.machine.engine.containers) {
      const isService = labels[`${COMPOSE}.service`] === 'whalefall' && labels[`${COMPOSE}.oneoff`] === 'False';
      if (isService && labels['whalefall-ops.run']) taken.push(`${name}: ${typed}`);
    }
    return override(call, typed);
  };
  const ended = await d.run(['previous', '--way', 'image', '--yes'], { script: rollbackProd });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(taken).toEqual([]);
});

it('no request fails while a restore swaps, nobody is asked to wait before what was begun has ended, and no health check fails', async () => {
  const d = withRules(await restorable());
  const server = d.container('postgres')?.server;
  if (server) server.transactions = [2, 1];
  const atSwap: unknown[] = [];
  d.machine.override = (call) => {
    if (call.input.includes('RENAME TO'))
      atSwap.push({ frozen: d.container('whalefall')?.app?.frozen, underWay: server?.transactions });
    return undefined;
  };
  const { refused, waited } = visitor(d);
  const ended = await restoreAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/requests meanwhile +wait at ports/);
  expect(refused).toEqual([]);
  expect(waited).not.toEqual([]);
  expect(atSwap).toEqual([{ frozen: true, underWay: [] }]);
  expect(d.container('whalefall')?.app?.looks.status).not.toBe('unhealthy');
});

it('no request fails while a deletion gives the stack new volumes', async () => {
  const d = await holding();
  const { refused, waited } = visitor(d);
  const ended = await runAndCheck(d, ['--data', 'delete', '--confirm', 'DELETE ALL DATA']);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(refused).toEqual([]);
  expect(waited).not.toEqual([]);
});

it('no request fails while a hot update restarts the container', async () => {
  const d = withRules(await updatable());
  const { refused, waited } = visitor(d);
  const ended = await updateAndCheck(d, ['--yes', '--soak', '1s', '--restart', 'container'], { script: UPDATE });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/requests meanwhile +wait at ports/);
  expect(ended.changes.filter((c) => /^docker restart -t 0 /.test(c))).toHaveLength(1);
  expect(refused).toEqual([]);
  expect(waited).not.toEqual([]);
  expect(await held(d, ended)).toEqual([]);
});

/** A release whose scheduler gets another configuration, which only a restart of it reads. */
const rescheduled = async () =>
  withRules(await updatable({ files: { [SCHEDULER_CONFIG]: `${SCHEDULER_SETTINGS}timeout = 60\n` } }));

it('no request fails while a hot update restarts the scheduler: all of them wait for it, and are served as it is back', async () => {
  const d = await rescheduled();
  const { refused, waited } = visitor(d, SCHEDULER_PATH);
  const ended = await updateAndCheck(d, ['--yes', '--soak', '1s']);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(
    /whalefall_scheduler is restarted: all requests wait until it has booted again, 20 s at most/,
  );
  expect(ended.text).toMatch(/whalefall_scheduler 0\/\d+/);
  expect(refused).toEqual([]);
  expect(waited).not.toEqual([]);
  expect(await held(d, ended)).toEqual([]);
});

it('what is under way at a program that is restarted keeps the others waiting for 6 s, and nobody is refused', async () => {
  const d = await rescheduled();
  const { app } = appOf(d);
  if (app) app.underWay = 3;
  const { refused, since, until } = visitor(d, SCHEDULER_PATH);
  const ended = await updateAndCheck(d, ['--yes', '--soak', '1s']);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('3 connections were still under way after 6 s');
  expect(refused).toEqual([]);
  expect(until() - since()).toBeGreaterThan(5_000);
  expect(until() - since()).toBeLessThan(15_000);
});

it('who would be turned away sooner than a program is back is let through before', async () => {
  const d = await rescheduled();
  const { app } = appOf(d);
  if (app) app.underWay = 3;
  const { since, until } = visitor(d);
  const ended = await updateAndCheck(d, ['--yes', '--soak', '1s', '--hold-at-most', '4s']);
  expect(ended.text).toMatch(/all requests wait until it has booted again, 3 s at most/);
  expect(until() - since()).toBeLessThan(4_000);
});

it('a program is brought back on the way back though requests can’t be held any more', async () => {
  const d = await rescheduled();
  const { override } = d.machine;
  let [restarted, failed] = [false, false];
  d.machine.override = (call, typed) => {
    restarted ||= typed.endsWith(' - drain');
    if (restarted && !failed && typed.endsWith(' - inventory')) {
      failed = true; // what is proved at last
      return { exitCode: 1, stderr: 'no' };
    }
    return failed && /^ip6?tables-restore/.test(typed) ? { exitCode: 4, stderr: 'no lock' } : override(call, typed);
  };
  const ended = await updateAndCheck(d, ['--yes', '--soak', '1s']);
  expect(failed).toBe(true);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toContain('no lock');
  expect(ended.changes.filter((c) => c.startsWith('docker restart'))).toEqual([]);
});

it('a scheduler that is long in coming back keeps nobody else waiting for longer than 20 s', async () => {
  const d = await rescheduled();
  const { override, clock } = { ...d.machine, override: d.machine.override, clock: d.machine.clock };
  let hung = false;
  d.machine.override = (call, typed) => {
    if (hung || !typed.endsWith(' - drain')) return override(call, typed);
    hung = true;
    return { later: clock.sleep(40_000).then(() => ({ exitCode: 1, stderr: 'no' })) };
  };
  const { refused, since, until } = visitor(d);
  const ended = await updateAndCheck(d, ['--yes', '--soak', '1s']);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(hung).toBe(true);
  expect(refused).toEqual([]);
  expect(until() - since()).toBeLessThan(25_000);
  expect(await held(d, ended)).toEqual([]);
});

it('no request fails when a hot update that restarted the container is taken back', async () => {
  const d = withRules(await updatable());
  const { override } = d.machine;
  let restarted = false;
  d.machine.override = (call, typed) => {
    restarted ||= typed.startsWith('docker restart');
    // What is proved at last: every file is the commit's.
    return restarted && typed.endsWith(' - inventory') ? broken() : override(call, typed);
  };
  let times = 0;
  const broken = () => (times++ === 0 ? { exitCode: 1, stderr: 'no' } : undefined);
  const { refused } = visitor(d);
  const ended = await d.run(['--yes', '--soak', '1s', '--restart', 'container'], { script: UPDATE });
  expect(ended.exitCode, ended.text).toBe(1);
  expect(refused).toEqual([]);
  expect(await held(d, ended)).toEqual([]);
});

it('no request fails while PostgreSQL is upgraded, nor while it is gone back, and both say so', async () => {
  const d = withRules(await upgradable());
  for (const args of [TO, BACK]) {
    const { refused, waited } = visitor(d);
    const ended = await d.run(args, { script: UPGRADE });
    expect(ended.exitCode, ended.text).toBe(0);
    expect(ended.text).toMatch(NOBODY);
    expect(ended.text).toMatch(/held meanwhile/);
    expect(refused).toEqual([]);
    expect(waited).not.toEqual([]);
  }
});

it('an upgrade of PostgreSQL that is taken back once its application serves lets that finish what it is at', async () => {
  const d = withRules(await upgradable());
  const app = appOf(d).id;
  let [released, failed] = [false, false];
  d.machine.override = (_call, typed) => {
    released ||= typed === `docker start ${app}`;
    // What is proved at last: how the application is found.
    if (failed || !released || d.machine.firewall.leading.length > 0 || !typed.includes('oneoff=False'))
      return undefined;
    failed = true;
    return { exitCode: 1, stderr: 'no' };
  };
  const { refused } = visitor(d);
  const ended = await upgradeAndCheck(d, TO);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(serving(d)?.major).toBe('15');
  // Both times: nothing that was under way is cut by a stop.
  expect(ended.changes.filter((c) => c.startsWith('docker stop -t 0 ') && c.endsWith(app))).toHaveLength(2);
  expect(ended.text).toMatch(/Production was down: 0 ms/);
  expect(refused).toEqual([]);
});

it('--plan tries nothing, and says so', async () => {
  const d = await holding();
  const ended = await d.run(['--plan', '--data', 'keep']);
  expect(ended.text).toMatch(/wait at ports .*not tried with --plan/);
  expect(ended.changes).toEqual([]);
});

it('--no-hold lets them be refused, and says for how long', async () => {
  const d = await holding();
  const { refused } = visitor(d);
  const ended = await runAndCheck(d, [...KEEP, '--no-hold']);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/refused until .* \(--no-hold was given\)/);
  expect(refused).not.toEqual([]);
  const again = await d.run([...KEEP, '--no-hold', '--plan']);
  expect(again.text).toMatch(/the last replacement took [\d.]+ m?s \(--no-hold was given\)/);
});

it('no request fails when what is proved last turns out wrong, and the former container comes back', async () => {
  const d = await holding();
  // Released already: they have to be held once more.
  d.machine.override = (_call, typed) => (/ run -d .* --name \S+-client-/.test(typed) ? { exitCode: 1 } : undefined);
  const { refused, waited } = visitor(d);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.changes.filter((c) => c.includes('doorman-2'))).not.toEqual([]);
  expect(refused).toEqual([]);
  expect(waited).not.toEqual([]);
});

it.each([
  ['iptables is missing', (d: Deployment) => d.machine.absent.add('iptables'), /iptables is missing/],
  [
    'a request of our own goes past the doorman',
    (d: Deployment) => {
      d.machine.override = (call) => (call.argv.includes('--local-port') ? { stdout: '200' } : undefined);
    },
    /a trial failed: a request to \S+ went past it/,
  ],
] as const)('goes the plain way where %s, and says why', async (_why, given, said) => {
  const d = await holding();
  given(d);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(said);
  expect(ended.text).toMatch(/refused until/);
});

it('restarts the container the plain way where the engine is rootless, and says why', async () => {
  const d = withRules(await updatable());
  const { override } = d.machine;
  d.machine.override = (call, typed) =>
    typed.includes('SecurityOptions') ? { stdout: '["name=rootless"]\n' } : override(call, typed);
  const ended = await updateAndCheck(d, ['--yes', '--soak', '1s', '--restart', 'container']);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('the engine runs rootless') });
});

it('a doorman that dies when it is to lead people on leaves no rule', async () => {
  const d = await holding();
  const { lead } = Doorman.prototype;
  const leading = vi.spyOn(Doorman.prototype, 'lead').mockImplementation(function (this: Doorman, to) {
    const standing = d.machine.engine.containers.find((c) => c.doorman === this);
    if (standing?.name.endsWith('-doorman-1')) d.machine.engine.remove(standing);
    else lead.call(this, to);
  });
  onTestFinished(() => leading.mockRestore());
  const ended = await runAndCheck(d, KEEP);
  expect(ended.text).toContain('The program that held requests has ended');
  expect(d.machine.firewall.rules).toEqual([]);
});

it.each(['killed', 'fails'] as const)('what was ended for a stop that %s runs again', async (how) => {
  const [learned, d] = [await holding(), await holding()];
  const { points } = await learned.run(KEEP);
  const point = points.find((p) => /^docker stop -t 0/.test(p.label));
  if (!point) throw new Error('nothing was stopped at once');
  await d.run(KEEP, { fault: { ...point, how } });
  await d.machine.clock.sleep(5_000);
  const app = d.container('whalefall')?.app;
  app?.catchUp();
  expect(app?.programs.map(({ name, state }) => [name, state])).toEqual([
    ['nginx', 'RUNNING'],
    ['whalefall_web', 'RUNNING'],
    ['whalefall_scheduler', 'RUNNING'],
  ]);
});

it('a run that was killed leaves rules without effect, which the next start of any script removes', async () => {
  const [learned, d] = [await holding(), await holding()];
  const { points } = await learned.run(KEEP);
  const point = points.find((p) => /^docker stop -t 0/.test(p.label));
  if (!point) throw new Error('nothing was stopped at once');
  await runAndCheck(d, KEEP, { fault: { ...point, how: 'killed' } });
  expect(d.machine.firewall.rules).not.toEqual([]);
  await d.run(['--yes', '--data', 'keep', '--plan']);
  expect(d.machine.firewall.rules).not.toEqual([]);
  // One that puts none there itself.
  expect(await runAndCheck(d, [...KEEP, '--no-hold'])).toMatchObject({ exitCode: 0 });
});

it('a run that was killed in the directory by another name leaves no rule and no helper to the next one, either', async () => {
  const [learned, d] = [await holding(), await holding()];
  const { points } = await learned.run(KEEP);
  const point = points.find((p) => /^docker stop -t 0/.test(p.label));
  if (!point) throw new Error('nothing was stopped at once');
  mkdirSync(path.join(d.root, 'links'));
  symlinkSync(d.dir, path.join(d.root, 'links', 'prod'));
  await from(d, path.join(d.root, 'links', 'prod')).run(KEEP, { fault: { ...point, how: 'killed' } });
  expect(d.machine.firewall.rules).not.toEqual([]);
  const { exitCode, text } = await d.run([...KEEP, '--no-hold']);
  expect(exitCode, text).toBe(0);
  expect(d.machine.firewall.rules).toEqual([]);
  expect(d.machine.engine.containers).toHaveLength(3);
});

itSurvives('whatever command goes wrong in a rebuild that holds requests, nobody waits for ever', {
  name: 'hold',
  args: KEEP,
  kept: keepsData,
  sample: { changes: 5, reads: 2 },
  given: holding,
});

itSurvives('whatever command goes wrong in a restore that holds requests, nobody waits for ever', {
  name: 'hold in a restore',
  args: YES,
  script: RESTORE,
  check: restoreAgain,
  sample: { changes: 3, reads: 0 },
  given: async (made) => withRules(await restorable(made)),
});

itSurvives('whatever command goes wrong in an upgrade of PostgreSQL that holds requests, nobody waits for ever', {
  name: 'hold in an upgrade',
  args: TO,
  script: UPGRADE,
  check: upgradeAgain,
  sample: { changes: 3, reads: 0 },
  given: async (made) => withRules(await upgradable(made)),
});
