import { describe, expect, it } from 'vitest';
import { canLogIn, isLoopback, setPassword } from '../../../../lib/tools/postgres/login.ts';
import type { Database } from '../../../../lib/tools/postgres/psql.ts';
import { testOps } from '../../../support/ops.ts';
import type { Reply } from '../../../support/scripted-spawn.ts';

const db = { container: { id: 'dbid', name: 'db' }, user: 'app_user', name: 'appdb' } as Database;
const from = { container: 'appid', host: 'postgres' };
const SECRET = 'p\\a:s"s';

function login(reply: Reply) {
  const ops = testOps(() => reply);
  ops.secrets.add(SECRET);
  return { ops, answer: () => canLogIn(ops, db, from, SECRET) };
}

describe('canLogIn', () => {
  it('runs psql in the client, with the password in the environment only', async () => {
    const { ops, answer } = login({ stdout: '1\n' });
    expect(await answer()).toBe('yes');
    const [call] = ops.scripted.calls;
    expect(call?.argv.slice(0, 11)).toEqual([
      'docker',
      'exec',
      '-e',
      'WFOPS_PGPASS',
      '-e',
      'PGCONNECT_TIMEOUT',
      '-e',
      'LC_ALL',
      'appid',
      'sh',
      '-c',
    ]);
    expect(call?.argv.slice(12)).toEqual(['login', 'postgres', '5432', 'app_user', 'appdb']);
    expect(call?.env.WFOPS_PGPASS).toBe('*:*:*:*:p\\\\a\\:s"s');
    expect(call?.env.LC_ALL).toBe('C');
    expect(JSON.stringify(call?.argv)).not.toContain('s"s');
  });

  it('knows a wrong password by libpq’s own words, whatever language the server speaks', async () => {
    const stderr = '致命错误:  用户 "app_user" Password 认证失败\npassword retrieved from file "/dev/shm/x"\n';
    expect(await login({ exitCode: 2, stderr }).answer()).toBe('wrong-password');
  });

  it.each([
    [
      'another refusal',
      { exitCode: 2, stderr: 'FATAL:  no pg_hba.conf entry for host "172.18.0.3"' },
      'no pg_hba.conf entry',
    ],
    ['a client without psql', { exitCode: 127, stderr: 'sh: psql: not found' }, 'not found'],
    ['silence', { exitCode: 137 }, 'exit code 137'],
    ['success without an answer', { exitCode: 0 }, 'exit code 0'],
    [
      'the words of a wrong password with another exit code',
      { exitCode: 1, stderr: 'password retrieved from file' },
      'retrieved',
    ],
  ] as [string, Reply, string][])('takes %s for an error', async (_what, reply, said) => {
    expect(await login(reply).answer()).toEqual({ error: expect.stringContaining(said) });
  });

  it('never shows the password in an error', async () => {
    const answer = await login({ exitCode: 2, stderr: `oops ${SECRET}` }).answer();
    expect(answer).toEqual({ error: 'oops [secret]' });
  });

  it.each(['localhost', '127.0.0.1', '127.9.9.9', '::1', '/var/run/postgresql', ''])(
    'refuses %o, which proves nothing',
    async (host) => {
      const ops = testOps(() => undefined);
      await expect(canLogIn(ops, db, { ...from, host }, 'x')).rejects.toThrow('proves nothing');
      expect(ops.scripted.calls).toEqual([]);
      expect(isLoopback('172.18.0.2')).toBe(false);
    },
  );

  it('does not try what a password file cannot hold', async () => {
    const ops = testOps(() => undefined);
    expect(await canLogIn(ops, db, from, 'a\nb')).toEqual({ error: expect.stringContaining('line break') });
  });
});

describe('setPassword', () => {
  it('sends the password by stdin to psql’s own \\password', async () => {
    const ops = testOps(() => ({}));
    await setPassword(ops, { ...db, user: 'we"ird' }, SECRET);
    const [call] = ops.scripted.calls;
    expect(call?.argv).toEqual(expect.arrayContaining(['docker', 'exec', '-i', 'dbid', 'psql', 'ON_ERROR_STOP=1']));
    expect(call?.argv).not.toContain('-h');
    expect(call?.input).toContain(
      `SET password_encryption = 'scram-sha-256';\n\\password "we""ird"\n${SECRET}\n${SECRET}\n`,
    );
    expect(JSON.stringify([call?.argv, ops.written])).not.toContain('s"s');
    expect(ops.written).toMatchObject([{ event: 'intent' }, { event: 'result', exitCode: 0 }]);
  });

  it('refuses a password that would end its line and become SQL', async () => {
    const ops = testOps(() => undefined);
    await expect(setPassword(ops, db, 'x\nDROP TABLE t;')).rejects.toThrow('line break');
  });
});
