import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CAUSES } from '../../../../lib/domain/env/causes.ts';
import { readEnv, whyUnreadable } from '../../../../lib/domain/env/env.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';
import { composeModel } from './readers.models.ts';

const GOOD = `POSTGRES_DB=wf
POSTGRES_USER=wf_user
POSTGRES_PASSWORD='p$ #"% @:鲸'
REDIS_PASSWORD=rd-S3cret
SECRET_KEY=sk-S3cret
BCRYPT_LOG_ROUNDS=12
PASSWORD_ENCRYPTION_KEY=${'A'.repeat(43)}=
APP_NAME=鲸落
APP_VERSION=1
FLASK_ENV=production
FLASK_DEBUG=0
LOG_LEVEL=INFO
CACHE_TYPE=redis
CACHE_REDIS_URL=redis://:\${REDIS_PASSWORD}@redis:6379/0
DATABASE_URL=postgresql+psycopg://wf_user:p%24%20%23%22%25%20%40%3A%E9%B2%B8@postgres:5432/wf
PERMANENT_SESSION_LIFETIME=3600
`;

/** compose as far as it matters here: it answers what the model reads from the real file, changed by `alter`. */
function compose(
  call: Call,
  alter: (values: Map<string, string>, where: 'interpolated' | 'file') => void = () => {},
): Reply {
  const directory = call.argv[call.argv.indexOf('--project-directory') + 1] as string;
  const values = composeModel(readFileSync(path.join(directory, '.env'), 'utf8'));
  if (!values)
    return { exitCode: 1, stderr: `failed to read ${directory}/.env: line 3: unexpected character "+" in "SECRET"` };
  const project = JSON.parse(call.input) as { services: { interpolated: { environment: Record<string, string> } } };
  const [interpolated, file] = [new Map(values), new Map(values)];
  alter(interpolated, 'interpolated');
  alter(file, 'file');
  const given = Object.entries(project.services.interpolated.environment).map(([k, v]) => {
    const name = /^\$\{(\w+)\}$/.exec(v)?.[1] ?? '';
    return [k, call.env[name] ?? interpolated.get(name) ?? ''];
  });
  const services = {
    interpolated: { environment: Object.fromEntries(given) },
    file: { environment: Object.fromEntries(file) },
  };
  return { stdout: JSON.stringify({ name: 'env-probe', services }).replaceAll('$', '$$$$') };
}

function withEnv(text: string | Buffer, respond: (call: Call) => Reply = compose, more = {}): TestOps {
  const ops = testOps(respond, more);
  writeFileSync(path.join(ops.target.dir, '.env'), text, { mode: 0o600 });
  return ops;
}

async function present(ops: TestOps) {
  const reading = await readEnv(ops);
  if (reading.kind !== 'present') throw new Error(reading.kind);
  return reading;
}

it('reads a good file without a finding', async () => {
  const reading = await present(withEnv(GOOD));
  expect(reading).toMatchObject({ mode: 0o600, findings: [], problems: [], comparedWithCompose: [] });
  expect(reading.values['POSTGRES_PASSWORD']).toBe('p$ #"% @:鲸');
  expect(reading.values['CACHE_REDIS_URL']).toBe('redis://:rd-S3cret@redis:6379/0');
});

it('tells an absent file from one that can’t be read, and starts nothing for either', async () => {
  const ops = testOps(() => undefined);
  const file = path.join(ops.target.dir, '.env');
  expect(await readEnv(ops)).toEqual({ kind: 'absent' });
  symlinkSync('nowhere', file);
  expect(await readEnv(ops)).toMatchObject({ kind: 'unreadable', why: { en: expect.stringContaining('link') } });
  const other = testOps(() => undefined);
  mkdirSync(path.join(other.target.dir, '.env'));
  expect(await readEnv(other)).toMatchObject({ kind: 'unreadable', why: { en: expect.stringContaining('directory') } });
  const gbk = withEnv(Buffer.from([0x41, 0x3d, 0xbe, 0xa8, 0x0a]), () => ({ exitCode: 99 }));
  expect(await readEnv(gbk)).toMatchObject({ kind: 'unreadable', why: { en: expect.stringContaining('GBK') } });
});

it('explains a file that this user may not read', () => {
  const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  expect(whyUnreadable(denied).en).toContain('may not be read by this user');
});

it('lists every required variable of an empty file', async () => {
  const reading = await present(withEnv(''));
  expect(reading.problems).toHaveLength(16);
});

it('warns when others can read the file', async () => {
  const ops = withEnv(GOOD);
  for (const mode of [0o640, 0o604]) {
    chmodSync(path.join(ops.target.dir, '.env'), mode);
    expect(await present(ops)).toMatchObject({
      mode,
      findings: [
        {
          severity: 'warning',
          cause: { en: expect.stringContaining(`0${mode.toString(8)}`), zh: expect.stringContaining('chmod 600') },
        },
      ],
    });
  }
});

it('says all that is wrong at once, and no value of it', async () => {
  const text = GOOD.replace('REDIS_PASSWORD=rd-S3cret', 'REDIS_PASSWORD=rd#S3cret').replace(
    'ROUNDS=12',
    'ROUNDS=S3cret',
  );
  const reading = await present(withEnv(`${text}X=S3cret;id\n`));
  expect(reading.findings.map((f) => f.variable)).toEqual(['REDIS_PASSWORD', 'X']);
  expect(reading.problems.map((p) => p.variable)).toEqual(['BCRYPT_LOG_ROUNDS']);
  const { values: _, ...shown } = reading;
  expect(JSON.stringify(shown)).not.toContain('S3cret');
});

describe('compared with compose', () => {
  it('names a variable that compose reads otherwise, wherever it does', async () => {
    for (const where of ['interpolated', 'file'] as const) {
      const ops = withEnv(GOOD, (call) =>
        compose(call, (values, at) => at === where && values.set('SECRET_KEY', 'zzz')),
      );
      expect((await present(ops)).comparedWithCompose).toEqual([
        { variable: 'SECRET_KEY', line: 0, cause: CAUSES.compose, severity: 'error' },
      ]);
    }
  });

  it('takes the caller’s variables out of the way, but says so where that is impossible', async () => {
    const text = `${GOOD}http_proxy=http://proxy\nDOCKER_HOST=tcp://else\n`;
    const ops = withEnv(text, compose, {
      env: { PATH: '/usr/bin:/bin', http_proxy: 'http://other', DOCKER_HOST: 'unix://x' },
    });
    expect((await present(ops)).comparedWithCompose).toEqual([
      { variable: 'DOCKER_HOST', line: 0, cause: CAUSES.composeEnvironment, severity: 'error' },
    ]);
    expect(ops.scripted.calls[0]?.env).toEqual({ PATH: '/usr/bin:/bin', DOCKER_HOST: 'unix://x' });
  });

  it('keeps values out of the command line and asks for no network or engine', async () => {
    const ops = withEnv(GOOD);
    await present(ops);
    expect(ops.scripted.calls.map((c) => c.argv)).toEqual([
      ['docker', 'compose', '-f', '-', '--project-directory', ops.target.dir, 'config', '--format', 'json'],
    ]);
    expect(ops.scripted.calls[0]?.input).not.toContain('S3cret');
  });

  it('gives the line that compose refuses, unless a finding of ours is better', async () => {
    const refuse = (call: Call): Reply => ({
      exitCode: 1,
      stderr: `failed to read ${call.argv[5]}/.env: line 7: S3cret`,
    });
    expect((await present(withEnv(GOOD, refuse))).comparedWithCompose).toMatchObject([
      { variable: '', line: 7, cause: CAUSES.composeRefuses },
    ]);
    expect((await present(withEnv(`${GOOD}X=a b\n`, refuse))).comparedWithCompose).toEqual([]);
  });

  it('does not take a missing compose for a finding', async () => {
    const ops = withEnv(GOOD, () => ({ exitCode: 1, stderr: "docker: 'compose' is not a docker command." }));
    await expect(readEnv(ops)).rejects.toMatchObject({ kind: 'command' });
  });
});

it('knows every secret before compose is started, so that no error can show one', async () => {
  const secrets = ['pg-Sent1nel', 'a b-Sent1nel', 'rest-Sent1nel', 'U-Sent1nel', 'x@y-Sent1nel'];
  const text = `POSTGRES_PASSWORD=pg-Sent1nel
SOME_TOKEN = "a b-Sent1nel"
PASSWORD_ENCRYPTION_KEY='first
rest-Sent1nel'
OTHER_URL=http://user:U-Sent1nel@proxy:1
DATABASE_URL=postgresql+psycopg://u:x%40y-Sent1nel@postgres/db
`;
  const ops = withEnv(text, () => ({ exitCode: 9, stderr: `${text}\n${secrets.join('\n')}` }));
  const error = await readEnv(ops).catch((e: unknown) => e);
  expect(error).toMatchObject({ kind: 'command' });
  expect(JSON.stringify(error) + String((error as Error).message)).not.toContain('Sent1nel');
});

it('does not hide ordinary words because of a switch that is named like a secret', async () => {
  const ops = withEnv('SECRET_ROTATION=true\nAPP_NAME=whale\n');
  await present(ops);
  expect(ops.secrets.redact('true whale')).toBe('true whale');
});
