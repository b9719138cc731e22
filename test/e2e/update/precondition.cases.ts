import { expect, it } from 'vitest';
import type { Files } from '../../sandbox/git.ts';
import { launchScript } from '../../support/run-script.ts';
import { itInFull, some } from '../thorough.ts';
import { stepBegins } from './disturb.ts';
import { filesInApp } from './files.ts';
import { expectNew, expectOld } from './judge.ts';
import { began, update } from './run.ts';
import { edited, SUPERVISOR } from './sources.ts';
import { docker, type Stack } from './stack.ts';

const file = (name: string, from: string, to: string) => (stack: Stack) => ({ [name]: edited(stack, name, from, to) });
const ENTRYPOINT = 'scripts/ops/docker/start-prod-services.sh';
const UNSUITABLE: readonly (readonly [name: string, files: (stack: Stack) => Files])[] = [
  ['uv.lock', file('uv.lock', '"2.2.2"', '"2.2.3"')],
  ['pyproject.toml', file('pyproject.toml', '"redis", ', '"redis", "celery", ')],
  ['Dockerfile.prod', file('Dockerfile.prod', 'EXPOSE 80 5001', 'EXPOSE 80 5001 5002')],
  ['docker-compose.prod.yml', file('docker-compose.prod.yml', 'start_period: 60s', 'start_period: 61s')],
  [ENTRYPOINT, file(ENTRYPOINT, 'set -euo pipefail', 'set -euo pipefail\n: changed')],
];

/** What must end before anything is changed. */
export function preconditionCases(stack: () => Stack): void {
  it('--plan changes nothing: no file, no ref but the remote’s, nothing in the container', async () => {
    const changed = edited(stack(), SUPERVISOR, 'nice -n 10', 'nice -n 12');
    await stack().release({ files: { 'app/planned.py': '', [SUPERVISOR]: changed } });
    const files = filesInApp(stack());
    const run = await update(stack(), ['--plan']);
    expect(run.exitCode, run.text).toBe(0);
    expect(run.load.failed).toBe(0);
    expect(run.after).toEqual(run.before);
    expect(filesInApp(stack())).toEqual(files);
    expect(new Set(run.answers?.map((a) => a.marker))).toEqual(new Set([stack().current.marker]));
    expect(run.text).toMatch(/supervisor/i);
  });

  it.each(some(UNSUITABLE))('refuses a release with a changed %s, and names the full rebuild', async (name, files) => {
    await stack().release({ files: files(stack()) });
    const run = await update(stack());
    await expectOld(stack(), run, 3);
    expect(run.text).toContain(name);
    expect(run.text).toContain('deploy-prod-all');
    expect(began(run, 'switch')).toBe(false);
  });

  itInFull('refuses while a service is not healthy', async () => {
    await stack().release();
    docker('stop', '-t', '2', stack().container('redis'));
    const run = await update(stack()).finally(() => docker('start', stack().container('redis')));
    await stack().settled();
    await expectOld(stack(), run, 3, { restarted: true });
    expect(run.load.failed).toBe(0);
    expect(run.text).toContain('redis');
  });

  const nowhere: readonly (readonly [string, ref: string, lists: RegExp])[] = [
    ['a remote that does not exist', 'nosuch/main', /origin/],
    ['a branch that does not exist', 'origin/nosuch', /origin\/main|\bmain\b/],
    ['a commit that does not exist', '0123456789abcdef0123456789abcdef01234567', /0123456789/],
  ];
  it.each(some(nowhere))('says what there is for %s', async (_what, ref, lists) => {
    const run = await update(stack(), ['--ref', ref]);
    await expectOld(stack(), run, 3);
    expect(run.text.replaceAll(ref, '<ref>')).toMatch(ref.startsWith('0') ? /<ref>/ : lists);
  });

  itInFull('refuses when the remote cannot be reached, and changes nothing', async () => {
    const origin = stack().git(['remote', 'get-url', 'origin']).trim();
    stack().git(['remote', 'set-url', 'origin', `${origin}.gone`]);
    const run = await update(stack()).finally(() => stack().git(['remote', 'set-url', 'origin', origin]));
    await expectOld(stack(), run, 3);
  });

  const wrong: readonly (readonly [string, args: readonly string[]])[] = [
    ['an unknown option', ['--nonsense']],
    ['an unknown way to restart', ['--restart', 'nicely']],
    ['a soak that is no time', ['--soak', 'long']],
  ];
  it.each(some(wrong))('is a usage error: %s', async (_what, args) => {
    const run = await update(stack(), args);
    expect(run.exitCode, run.text).toBe(2);
    expect(run.after).toEqual(run.before);
  });

  itInFull('ends with 5 while deploy-prod-all holds the deploy directory', async () => {
    await stack().release({ build_delay: 8 });
    await stack().sandbox.pull();
    const args = ['--dir', stack().sandbox.deployDir, '--config', stack().config, '--yes', '--data', 'keep', '--json'];
    const rebuild = launchScript('deploy-prod-all', args);
    await stepBegins(rebuild, 'build');
    const run = await update(stack());
    rebuild.signal('SIGINT');
    const ended = await rebuild.ended;
    stack().git(['reset', '-q', '--hard', stack().current.commit]);
    expect(run.exitCode, run.text).toBe(5);
    expect(run.text).toContain('deploy-prod-all');
    expect(run.load.failed).toBe(0);
    expect(ended.exitCode, ended.text).toBe(130);
    // The directory is free again, and what was built in it stands in nobody's way.
    const next = await stack().release();
    await expectNew(stack(), await update(stack()), next);
  });
}
