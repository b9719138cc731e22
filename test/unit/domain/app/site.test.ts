import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { sourceOf } from '../../../../lib/domain/app/agent.ts';
import { checkSite, reloadNginx, requireReloadable } from '../../../../lib/domain/app/site.ts';
import { stagingOf } from '../../../../lib/domain/app/staging.ts';
import { testOps } from '../../../support/ops.ts';

/** What the script says of a site where nginx has this configuration, and accepts what it is given, or does not. */
function tested(main: string, exitCode: 0 | 1): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'site-'));
  const at = (name: string) => path.join(dir, name);
  writeFileSync(at('nginx.conf'), main);
  writeFileSync(at('template'), 'server { }');
  writeFileSync(at('nginx'), `#!/bin/sh\necho 'nginx: [emerg] no' >&2; exit ${exitCode}\n`, { mode: 0o755 });
  const args = { template: at('template'), rendered: at('rendered'), env: at('.env') };
  const input = sourceOf('site', args).replaceAll('/etc/nginx', dir);
  return execFileSync('python3', ['-'], {
    input,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${dir}:${process.env.PATH}` },
  });
}

const check = (said: string) => {
  const ops = testOps(() => ({ stdout: said }));
  return checkSite(ops, stagingOf(ops, 'app'));
};
const INCLUDES = 'http { include /etc/nginx/sites-enabled/*; }';

it('tells a site that nginx refuses from one that nginx does not include', async () => {
  await check(tested(INCLUDES, 0));
  await expect(check(tested(INCLUDES, 1))).rejects.toMatchObject({
    kind: 'failed',
    what: { en: expect.stringMatching(/does not accept the new release's site[\s\S]*\[emerg\] no/) },
  });
  await expect(check(tested('http { }', 0))).rejects.toMatchObject({
    kind: 'precondition',
    what: { en: expect.stringContaining('/etc/nginx/nginx.conf in the container includes nothing of sites-enabled') },
  });
});

/** Runs what would run in the container beside an nginx that answers `-t` with this, and says that its number lies in `pid`. */
async function inside(does: typeof reloadNginx, { exitCode = 0, number = '' }) {
  const dir = mkdtempSync(path.join(tmpdir(), 'nginx-'));
  mkdirSync(path.join(dir, 'cache/client_temp'), { recursive: true });
  writeFileSync(path.join(dir, 'cache/page'), 'old');
  writeFileSync(path.join(dir, 'pid'), number);
  const nginx = [
    '#!/bin/sh',
    'case $1 in',
    `-t) echo "nginx: [emerg] no" >&2; exit ${exitCode} ;;`,
    `-T) echo "user www; pid no;"; echo "pid ${dir}/pid;" ;;`,
    `-s) echo "$2" >> ${dir}/told ;;`,
    'esac',
  ];
  writeFileSync(path.join(dir, 'nginx'), nginx.join('\n'), { mode: 0o755 });
  const ops = testOps(({ argv }) => {
    const [script = '', ...words] = argv.slice(argv.indexOf('-c') + 1);
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', script.replace('/var/cache/nginx', `${dir}/cache`), ...words],
      {
        encoding: 'utf8',
        env: { ...process.env, PATH: `${dir}:${process.env.PATH}` },
      },
    );
    return { exitCode: status ?? 1, stdout, stderr };
  });
  const said = await does(ops, 'app').then(
    () => 'well',
    (error: unknown) => (error instanceof Error ? error.message : ''),
  );
  const has = (name: string) => existsSync(path.join(dir, name));
  return { said, told: has('told'), page: has('cache/page'), temporary: has('cache/client_temp') };
}

it('empties the cache of an nginx that accepts its configuration alone, and leaves its directories', async () => {
  expect(await inside(reloadNginx, {})).toMatchObject({ said: 'well', told: true, page: false, temporary: true });
  expect(await inside(reloadNginx, { exitCode: 1 })).toMatchObject({
    said: expect.stringContaining('[emerg] no'),
    told: false,
    page: true,
    temporary: true,
  });
});

it('knows beforehand of an nginx that could not be told to read its configuration', async () => {
  const number = String(process.pid);
  expect(await inside(requireReloadable, { number })).toMatchObject({ said: 'well', told: false, page: true });
  for (const [how, words] of [
    [{ exitCode: 1, number }, '[emerg] no'],
    [{ number: '' }, 'no process has the number in'],
  ] as const)
    expect((await inside(requireReloadable, how)).said).toContain(words);
});
