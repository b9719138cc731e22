import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import type { Deployment, WritableDeployment } from '../../../lib/index.ts';
import { script } from '../../../lib/index.ts';
import { refuseAnswers } from '../../../lib/runs/command-line/typed-again.ts';
import { typed } from '../../../lib/runs/interrupted/ways.ts';
import { PASSWORD, runAdhoc } from '../../support/adhoc-world.ts';
import { type Call, type Reply, takeViolations } from '../../support/scripted-spawn.ts';

afterEach(() => expect(takeViolations()).toEqual([]));

const home = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-home-'));
const module = { filename: path.join(home, 'my-look.mts') };
writeFileSync(module.filename, '');
afterAll(() => rmSync(home, { recursive: true }));

const looks = (body: (d: Deployment<Record<never, never>>) => Promise<unknown>) => script(module, 'Looks at it', body);
const changes = (body: (d: WritableDeployment<Record<never, never>>) => Promise<unknown>) =>
  script(module, 'Changes it', { changes: true }, body);
const ok = () => ({});

it('is called as its file, and tells its options without a deployment', async () => {
  const made = await script(
    module,
    'Looks at it',
    { flags: { top: { type: 'count', default: 7, help: 'so many' } } },
    async () => 1,
  );
  expect(made.name).toBe('my-look');
  const { exitCode, stdout } = await runAdhoc(made, { argv: ['--help'] });
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`usage: npx tsx ${module.filename} [options]\n\nLooks at it\n`);
  expect(stdout).toMatch(/--top N +so many \(default 7\)/);
});

it('reads its own options, and refuses others', async () => {
  const flags = {
    top: { type: 'count', default: 7, help: '' },
    all: { type: 'boolean', help: '' },
    of: { type: 'string', help: '' },
  } as const;
  const made = await script(module, '', { flags }, async (d) => JSON.stringify(d.flags));
  expect((await runAdhoc(made)).stdout).toContain('{"top":7,"all":false}');
  expect((await runAdhoc(made, { argv: ['--top', '3', '--all', '--of', 'x'] })).stdout).toContain(
    '{"top":3,"all":true,"of":"x"}',
  );
  expect((await runAdhoc(made, { argv: ['--top', 'many'] })).exitCode).toBe(2);
  await expect(script(module, '', { flags: { dir: { type: 'boolean', help: '' } } }, async () => 1)).rejects.toThrow(
    '--dir',
  );
});

it('looks without a lock, and leaves nothing behind', async () => {
  const made = await looks(async ({ $ }) => (await $`docker version`.text()).length);
  const { exitCode, dir, calls } = await runAdhoc(made, { answer: ok });
  expect(exitCode).toBe(0);
  expect(readdirSync(dir)).toEqual(['docker-compose.prod.yml', 'target.json']);
  expect(calls.map((c) => c.argv[0])).toEqual(['bash']);
});

it('has nothing in its hands that changes', async () => {
  const made = await looks(async (d) =>
    Object.keys({ ...d, ...d.db })
      .filter((k) => /^(ops|steps|execute|consent)$/.test(k))
      .join(),
  );
  expect((await runAdhoc(made)).stdout).toBe('\n');
});

it('looks also at what is not running, and says so when asked something', async () => {
  const states = { postgres: 'restarting', whalefall: 'exited' };
  const made = await looks(
    async ({ app, db, redis }) => `${app.state} ${db.state} ${redis.state} ${(await redis.logs()).length}`,
  );
  expect((await runAdhoc(made, { states })).stdout).toBe('exited restarting missing 0\n');
  for (const [ask, words] of [
    [(d: Deployment) => d.db.query`SELECT 1`, 'postgres is not running: its container postgres_1 is restarting.'],
    [(d: Deployment) => d.redis.info(), 'redis is not running: it has no container.'],
    [(d: Deployment) => d.health(), 'whalefall is not running: its container whalefall_1 is exited.'],
  ] as const) {
    const { exitCode, stdout } = await runAdhoc(await looks(ask), { states });
    expect(stdout).toContain(words);
    expect(exitCode).toBe(3);
  }
});

it.each([
  ['text', 'hello', 'hello\n'],
  ['a text in two languages', { en: 'hello', zh: '你好' }, 'hello\n'],
  ['a number', 7, '7\n'],
  [
    'rows',
    [
      { name: 'a', n: 5 },
      { name: 'bb', n: 10 },
    ],
    '  name   n\n  a      5\n  bb    10\n',
  ],
  ['a list', ['x', 'y'], '  value\n  x\n  y\n'],
  ['an object', { state: 'up', of: null }, '  name   value\n  state  up\n  of     -\n'],
  ['line ends in a cell', [{ q: 'SELECT\n  1' }], '  q\n  SELECT 1\n'],
  ['no rows', Object.assign([], { columns: ['a'] }), '  a\n(no rows)\n'],
  ['nothing', undefined, ''],
])('shows what it returns: %s', async (_, value, shown) => {
  expect((await runAdhoc(await looks(async () => value))).stdout).toBe(shown);
});

it('speaks the language that is asked for', async () => {
  const made = await looks(async () => ({ en: 'hello', zh: '你好' }));
  expect((await runAdhoc(made, { argv: ['--lang', 'zh'] })).stdout).toBe('你好\n');
});

it('gives JSON with the values themselves', async () => {
  const made = await looks(async () => [{ n: 5, at: new Date(0), none: undefined, big: 10n }]);
  const lines = (await runAdhoc(made, { argv: ['--json'] })).stdout
    .trim()
    .split('\n')
    .map((l) => JSON.parse(l));
  expect(lines[0].items).toEqual([{ n: 5, at: '1970-01-01T00:00:00.000Z', none: null, big: '10' }]);
  expect(lines.at(-1)).toMatchObject({ event: 'result', exitCode: 0 });
});

it('cuts the widest column on a terminal that is too narrow, and nowhere else', async () => {
  const made = await looks(async () => [{ pid: 7, query: '长'.repeat(60), state: 'active' }]);
  const narrow = await runAdhoc(made, { world: { columns: 40 } });
  expect(narrow.stdout).toBe(`  pid  query${' '.repeat(22)}state\n    7  ${'长'.repeat(12)}…  active\n`);
  expect((await runAdhoc(made)).stdout).toContain('长'.repeat(60));
});

it('cuts no secret in two: its first half would not be recognised', async () => {
  const made = await looks(async () => [{ query: `ALTER ROLE x PASSWORD '${PASSWORD}' VALID UNTIL 'infinity'` }]);
  const { stdout } = await runAdhoc(made, { world: { columns: 40 } });
  expect(stdout).toContain("PASSWORD '[secret]");
  expect(stdout).not.toContain(PASSWORD.slice(0, 6));
});

it('ends with 1 for a problem, which comes first, and for a failure', async () => {
  const problem = await runAdhoc(
    await looks(async ({ problem, table }) => {
      problem('it is down', 'start it');
      table([{ a: 1 }]);
    }),
  );
  expect(problem).toMatchObject({ exitCode: 1, stdout: '✗ it is down\n→ start it\n  a\n  1\n' });
  const failed = await runAdhoc(await looks(async ({ fail }) => fail('no use', 'give up')));
  expect(failed).toMatchObject({ exitCode: 1, stdout: '✗ no use\n→ give up\n' });
});

it('tells a mistake of its own from one of the library, with the line', async () => {
  const made = await looks(async () => (undefined as unknown as { x: number }).x);
  const { exitCode, stdout } = await runAdhoc(made);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/✗ my-look itself failed: TypeError: .*\n→ at .*script\.test/);
  expect(stdout).not.toContain('bug in whalefall-ops');
});

it('redacts on every way out: say, table, result, console, errors of commands, JSON', async () => {
  const bodies = [
    (d: Deployment) => d.say(`is ${PASSWORD}`),
    (d: Deployment) => d.table([{ a: PASSWORD }]),
    () => PASSWORD,
    () => console.log('is', { a: PASSWORD }),
    (d: Deployment) => d.$`echo ${PASSWORD}`,
    (d: Deployment) => d.fail(PASSWORD),
    () => {
      throw new Error(PASSWORD);
    },
  ];
  for (const body of bodies) {
    for (const argv of [[], ['--json']]) {
      const made = await looks(async (d) => body(d));
      const { stdout, stderr } = await runAdhoc(made, { argv, answer: () => ({ exitCode: 1, stderr: PASSWORD }) });
      expect(stdout + stderr).toContain('[secret]');
      expect(stdout + stderr).not.toContain(PASSWORD);
    }
  }
});

it('keeps console.log out of JSON’s lines', async () => {
  const made = await looks(async () => console.log('for eyes'));
  const { stdout } = await runAdhoc(made, { argv: ['--json'] });
  for (const line of stdout.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
});

it('quotes the words of a command, and refuses what is none', async () => {
  const said = await runAdhoc(await looks(async ({ $ }) => $`ls ${"it's"} ${['a b', 'c']} | wc -l`.text()), {
    answer: (call) => ({ stdout: call.argv.at(-1) ?? '' }),
  });
  expect(said.stdout).toBe("ls $'it\\'s' $'a b' c | wc -l\n");
  for (const body of [
    (d: Deployment) => d.$`ls "${'a b'}"`,
    (d: Deployment) => d.$`ls ${undefined as unknown as string}`,
    async (d: Deployment) => d.$`ls ${(await d.app.environment()) as unknown as string}`,
  ]) {
    const { exitCode } = await runAdhoc(await looks(body as (d: Deployment) => Promise<unknown>), {
      answer: () => ({ exitCode: 1 }),
    });
    expect(exitCode).toBeGreaterThan(0);
  }
});

it('ends a command inside its container, too', async () => {
  const made = await looks(({ app }) => app.exec(['sleep', '99'], { deadlineMs: 2000 }));
  const { exitCode, stdout, calls } = await runAdhoc(made, { answer: () => ({ exitCode: 124 }) });
  expect(calls[0]?.argv).toEqual(['docker', 'exec', 'whalefall', 'timeout', '-k', '5', '2', 'sleep', '99']);
  expect(stdout).toContain('no end after 2 s');
  expect(exitCode).toBe(1);
});

/** As it answers a query of a column `a`. */
const psql =
  (rows: string) =>
  ({ input }: Call): Reply => {
    const [between = '', after = ''] = [...input.matchAll(/^\\echo (\S+)$/gm)].map(([, marker]) => `${marker}\n`);
    return { stdout: `a,text\n${between}${rows}${after}` };
  };

it.each([
  ['no row', '', []],
  ['one, of an empty text', '\n', [{ a: '' }]],
  ['two, of which one is', 'x\n\n', [{ a: 'x' }, { a: '' }]],
])('reads PostgreSQL’s answer: %s', async (_, rows, value) => {
  const made = await looks(async ({ db }) => JSON.stringify(await db.query`SELECT a FROM t`));
  expect((await runAdhoc(made, { answer: psql(rows) })).stdout).toBe(`${JSON.stringify(value)}\n`);
});

it('asks PostgreSQL in a transaction that is READ ONLY, with the statement as a literal', async () => {
  const made = await looks(({ db }) => db.query`SELECT ${"x'; DROP TABLE users; --"} AS a;`);
  const { stdout, calls } = await runAdhoc(made, {
    answer: psql('"x\n"\n'),
  });
  const [, begin, open] = /^(BEGIN[^\n]*)\n(DO [^\n]*);$/m.exec(calls[0]?.input ?? '') ?? [];
  expect(begin).toBe('BEGIN TRANSACTION READ ONLY;');
  expect(open).toContain("FOR EXECUTE ''SELECT  ''''x''''''''; DROP TABLE users; --''''  AS a''; END'");
  expect(stdout).toBe('  a\n  x\n');
});

it('says where a change belongs that PostgreSQL refused', async () => {
  const stderr = 'ERROR:  cannot execute DELETE in a read-only transaction';
  const made = await looks(({ db }) => db.query`DELETE FROM users RETURNING 1`);
  const { exitCode, stdout } = await runAdhoc(made, { answer: () => ({ exitCode: 3, stderr }) });
  expect(exitCode).toBe(1);
  expect(stdout).toContain(`✗ PostgreSQL: ${stderr}`);
  expect(stdout).toContain('db.execute in a step');
});

it.each([
  ['(integer) 12', 12],
  ['(nil)', null],
  ['"a\\"\\xe9\\xb2\\xb8"', 'a"鲸'],
  ['1) "a"\n2) (integer) 3', ['a', 3]],
  ['(empty array)', []],
  ['OK', 'OK'],
])('reads Redis’ answer %s', async (said, value) => {
  const made = await looks(async ({ redis }) => JSON.stringify(await redis.command('GET', 'x')));
  const { stdout, calls } = await runAdhoc(made, {
    answer: ({ argv }) => ({ stdout: argv.includes('INFO') ? 'get\n2\nreadonly\nfast\n' : `${said}\n` }),
  });
  expect(stdout).toBe(`${JSON.stringify(value)}\n`);
  expect(calls[1]?.argv.join(' ')).toBe('docker exec -e REDISCLI_AUTH redis redis-cli -p 6379 --no-raw GET x');
  expect(calls[1]?.env.REDISCLI_AUTH).toBe(PASSWORD);
});

it.each(['write', 'admin', 'noscript', 'may_replicate'])('sends Redis nothing that it flags %s', async (flag) => {
  const { exitCode, calls } = await runAdhoc(await looks(({ redis }) => redis.command('FLUSHALL')), {
    answer: () => ({ stdout: `flushall\n-1\n${flag}\n` }),
  });
  expect(exitCode).toBe(2);
  expect(calls).toHaveLength(1);
});

it('takes Redis’ refusal for one, although redis-cli ends with 0', async () => {
  const { exitCode, stdout } = await runAdhoc(await looks(({ redis }) => redis.info()), {
    answer: () => ({ stdout: 'NOAUTH Authentication required.\n' }),
  });
  expect(exitCode).toBe(1);
  expect(stdout).toContain('redis: NOAUTH');
});

const journalOf = (dir: string): string => {
  const runs = path.join(dir, '.whalefall-ops', 'runs');
  return readFileSync(path.join(runs, readdirSync(runs)[0] ?? '', 'journal'), 'utf8');
};
const unchanged = {
  fetch: async () => new Response('', { status: 503 }),
  connect: undefined as never,
  tryBind: async () => undefined,
  addresses: () => [],
};
const steps = (failing: boolean) =>
  changes(({ steps }) =>
    steps([
      { id: 'first', run: ({ $ }) => $`touch one`, undo: ({ $ }) => $`rm one` },
      { id: 'second', run: ({ app }) => app.exec(failing ? ['false'] : ['true']) },
    ]),
  );
const fails = ({ argv }: { argv: readonly string[] }) => ({ exitCode: argv.includes('false') ? 1 : 0 });

it('changes in steps, journaled, after one question', async () => {
  const { exitCode, stdout, dir } = await runAdhoc(await steps(false), { argv: ['--yes'], answer: ok });
  expect(stdout).toMatch(/What will be done\n1\. first\n {5}way back: undone by the script\n2\. second\n/);
  expect(stdout).toContain('✓ Healthy as before');
  expect(exitCode).toBe(0);
  const events = journalOf(dir)
    .trim()
    .split('\n')
    .map((l) => JSON.parse(l));
  expect(events.flatMap((e) => (e.event === 'intent' ? [e.command] : []))).toEqual([
    "bash -euo pipefail -c 'touch one'",
    'docker exec whalefall timeout -k 5 30 true',
  ]);
  expect(events[0]).toMatchObject({ event: 'run-start', script: 'adhoc.my-look' });
});

it('does not end with 1, as if all were as before, when something is wrong after its steps', async () => {
  for (const wrong of ['fail', 'problem'] as const) {
    const made = await changes(async (d) => {
      await d.steps([{ id: 'x', run: async () => undefined }]);
      d[wrong]('not what I wanted');
    });
    const { exitCode, stdout } = await runAdhoc(made, { argv: ['--yes'] });
    expect(stdout).toContain('✗ not what I wanted');
    expect(exitCode).toBe(6);
  }
});

it('undoes what had begun when a step fails, and proves that all is as before', async () => {
  const { exitCode, stdout, calls } = await runAdhoc(await steps(true), { argv: ['--yes'], answer: fails });
  expect(calls.map((c) => c.argv.at(-1))).toEqual(['touch one', 'false', 'rm one']);
  expect(stdout).toContain('Healthy as before');
  expect(exitCode).toBe(1);
});

it('needs a person when it is not as healthy as before', async () => {
  let asked = 0;
  const world = { net: { ...unchanged, fetch: async () => (asked++ < 2 ? new Response(HEALTHY) : unchanged.fetch()) } };
  const { exitCode } = await runAdhoc(await steps(false), {
    argv: ['--yes'],
    answer: (c) => (c.argv.includes('inspect') ? { stdout: 'running 0 0 false' } : {}),
    world,
  });
  expect(exitCode).toBe(6);
});
const HEALTHY = JSON.stringify({
  success: true,
  data: { status: 'healthy', database: 'connected', redis: 'connected' },
});

it('only shows the plan with --plan, and does nothing without an answer', async () => {
  const plan = await runAdhoc(await steps(false), { argv: ['--plan'] });
  expect(plan).toMatchObject({ exitCode: 0, calls: [] });
  expect(existsSync(path.join(plan.dir, '.whalefall-ops'))).toBe(false);
  expect(plan.stdout).toContain('2. second');
  expect(await runAdhoc(await steps(false))).toMatchObject({ exitCode: 4, calls: [] });
});

it('changes nothing that another directory made, or that a run from there works on', async () => {
  const ran: string[] = [];
  const made = await changes(async ({ steps }) => {
    ran.push('body');
    await steps([{ id: 'x', run: async () => ran.push('step') }]);
  });
  for (const argv of [['--yes'], ['--plan']]) {
    const { exitCode, stdout } = await runAdhoc(made, { argv, madeBy: '/' });
    expect(stdout).toContain('Compose project shop was made by another directory: /');
    expect(exitCode).toBe(3);
  }
  const busy = await runAdhoc(made, { argv: ['--yes'], projectLocked: true });
  expect(busy.stdout).toContain('A run from another deploy directory holds compose project shop');
  expect(busy.exitCode).toBe(5);
  expect(ran).toEqual([]);
});

it('asks for the phrase of what destroys, and hands the consent to the step', async () => {
  const destroys = {
    title: { en: 'gone', zh: '删除' },
    phrase: 'DROP IT',
    volumes: [],
    databases: ['old'],
    losses: [],
  };
  const made = await changes(({ steps }) =>
    steps([{ id: 'drop', run: async (step) => String(step.consent().coversDatabase('old')) }], { destroys }),
  );
  expect((await runAdhoc(made, { argv: ['--yes'] })).exitCode).toBe(4);
  const { exitCode, stdout } = await runAdhoc(made, { argv: ['--confirm', 'DROP IT'] });
  expect(stdout).toContain('true');
  expect(exitCode).toBe(0);
});

it('runs SQL that changes as one transaction, in a step', async () => {
  const made = await changes(({ steps }) => steps([{ id: 'x', run: ({ db }) => db.execute`UPDATE t SET a = ${1}` }]));
  const { calls } = await runAdhoc(made, { argv: ['--yes'], answer: ok });
  expect(calls[0]?.input).toMatch(/\nBEGIN;\nUPDATE t SET a = {2}\(1\) \n;COMMIT;\n$/);
});

it('is never started by the journal that it left', () => {
  expect(typed({ script: 'adhoc.my-look', args: ['--top=3'] })).toBe("npx tsx '<my-look>' --top=3");
  expect(() => refuseAnswers({ script: 'adhoc.my-look', args: [] })).toThrow(
    expect.objectContaining({ kind: 'precondition', message: expect.stringContaining('no script of this tool') }),
  );
});
