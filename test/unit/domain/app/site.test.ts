import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { checkSite } from '../../../../lib/domain/app/site.ts';
import { stagingOf } from '../../../../lib/domain/app/staging.ts';
import { testOps } from '../../../support/ops.ts';

const SCRIPT = readFileSync(new URL('../../../../lib/domain/app/agent/site.py', import.meta.url), 'utf8');

/** What the script says of a site where nginx has this configuration, and accepts what it is given, or does not. */
function tested(main: string, exitCode: 0 | 1): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'site-'));
  const at = (name: string) => path.join(dir, name);
  writeFileSync(at('nginx.conf'), main);
  writeFileSync(at('template'), 'server { }');
  writeFileSync(at('nginx'), `#!/bin/sh\necho 'nginx: [emerg] no' >&2; exit ${exitCode}\n`, { mode: 0o755 });
  const args = JSON.stringify({ template: at('template'), rendered: at('rendered'), env: at('.env') });
  const input = `import json\nARGS = json.loads(${JSON.stringify(args)})\n${SCRIPT.replaceAll('/etc/nginx', dir)}`;
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
