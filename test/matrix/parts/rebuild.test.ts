import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { docker } from '../../e2e/update/stack.ts';
import { DELETE, expectReplaced, note, notes, openedStack, rebuild, upload, uploaded } from './part.ts';

const stack = openedStack();

it('rebuild, data kept', async () => {
  note(stack(), 'must survive');
  const [rows, release] = [notes(stack()), await stack().release({ import_delay: 1 })];
  const run = await rebuild(stack(), ['--data', 'keep']);
  await expectReplaced(stack(), run, release);
  expect(notes(stack())).toBe(rows);
  expect(await uploaded(stack())).toBe('kept');
});

it('rebuild, data deleted', async () => {
  const release = await stack().release();
  const run = await rebuild(stack(), DELETE);
  await expectReplaced(stack(), run, release);
  expect(run.text).toContain('restored and compared');
  expect(notes(stack())).toBe('');
  await upload(stack());
});

it('pg_hba.conf that lets everybody in, closed', async () => {
  const rule = 's/host all all all scram-sha-256/host all all all trust/';
  inServer(`sed -i '${rule}' "$PGDATA/pg_hba.conf"`);
  stack().sql('SELECT pg_reload_conf()');
  await expect.poll(withoutPassword).toBe('in');
  const release = await stack().release();
  const run = await rebuild(stack(), ['--data', 'keep']);
  await expectReplaced(stack(), run, release);
  expect(run.text).toContain('LETS ANYBODY IN');
  expect(withoutPassword()).toBe('out');
});

const inServer = (script: string) => docker('exec', stack().container('postgres'), 'sh', '-c', script);

/** Over TCP from the server's own address, which is no loopback. */
function withoutPassword(): 'in' | 'out' {
  const server = stack().container('postgres');
  const host = docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', server);
  const psql = ['psql', '-w', '-XqAt', '-h', host, '-U', 'whalefall_user', '-d', 'whalefall_prod', '-c', 'SELECT 1'];
  return spawnSync('docker', ['exec', server, ...psql], { stdio: 'ignore' }).status === 0 ? 'in' : 'out';
}
