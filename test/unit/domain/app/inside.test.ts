import { expect, it } from 'vitest';
import { tryCanary } from '../../../../lib/domain/app/canary.ts';
import { askInside } from '../../../../lib/domain/app/inside.ts';
import { stagingOf } from '../../../../lib/domain/app/staging.ts';
import { testOps } from '../../../support/ops.ts';

type Told = readonly [body: string, status?: number];

/** What curl prints for these answers; for none where there is no status. */
function printed(argv: readonly string[], told: readonly Told[]): string {
  const end = argv[argv.indexOf('-w') + 1]?.split('\n').at(-1);
  return told.map(([body, status = 0]) => `${body}\n${String(status).padStart(3, '0')} text/x; q=1\n${end}`).join('');
}

async function asked(told: readonly Told[], exitCode: number): Promise<string[]> {
  const ops = testOps(({ argv }) => ({ stdout: printed(argv, told), exitCode }));
  const answers = await askInside(ops, 'app', { options: [], url: 'http://x/', times: told.length });
  return Promise.all(
    answers.map(async (answer) => {
      try {
        const response = answer();
        return `${response.status} ${response.headers.get('content-type')} ${await response.text()}`;
      } catch (error) {
        return (error as { code: string }).code;
      }
    }),
  );
}

it.each<[string, readonly Told[], number, string[]]>([
  ['each answer', [['a'], ['b']].map(([b = '']) => [b, 200]), 0, ['200 text/x; q=1 a', '200 text/x; q=1 b']],
  [
    'bodies of several lines',
    [['{\n"a": 1}\n200 text/html\n', 500]],
    0,
    ['500 text/x; q=1 {\n"a": 1}\n200 text/html\n'],
  ],
  ['what came before there was none', [['a', 200], ['']], 28, ['200 text/x; q=1 a', 'ECONNREFUSED']],
  [
    'not what was cut off',
    [
      ['a', 200],
      ['half of', 200],
    ],
    28,
    ['200 text/x; q=1 a', 'ECONNREFUSED'],
  ],
  ['that nobody listens', [['']], 7, ['ECONNREFUSED']],
])('gives %s', async (_what, told, exitCode, expected) => {
  expect(await asked(told, exitCode)).toEqual(expected);
});

it('takes it for an error when the container can’t be asked', async () => {
  await expect(asked([], 126)).rejects.toMatchObject({ kind: 'command' });
});

const health = (status: string): Told => [
  JSON.stringify({ success: true, data: { status, database: 'connected', redis: 'connected' } }),
  200,
];
const [GOOD, BAD] = [health('healthy'), health('unhealthy')];
const WORKERS = { master: 1, workers: [{ pid: 9, start: 2, state: 'serving' }], uptime: 3, before: 1, old: [] };

/** What a canary says each time that it is asked for its deep health, and always for its basic one. */
const tried = (...deep: (readonly Told[])[]) => triedWith([GOOD, GOOD, GOOD], ...deep);

async function triedWith(basic: readonly Told[], ...deep: (readonly Told[])[]): Promise<number> {
  let times = 0;
  const ops = testOps(({ argv }) => {
    if (argv.includes('workers')) return { stdout: JSON.stringify(WORKERS) };
    if (['end', 'alive', 'tail'].some((word) => argv.includes(word))) return {};
    if (!argv.includes('curl')) return undefined;
    if (argv.at(-1)?.endsWith('/health/basic')) return { stdout: printed(argv, basic) };
    times += 1;
    return { stdout: printed(argv, deep[Math.min(times, deep.length) - 1] ?? []) };
  });
  await tryCanary({ ...ops, target: { ...ops.target, bootSeconds: 1 } }, stagingOf(ops, 'app'), 8);
  return times;
}

it('believes a canary that is healthy three times in a row, and no other', async () => {
  expect(await tried([GOOD, GOOD, GOOD])).toBe(1);
  expect(await tried([GOOD, GOOD, BAD], [GOOD, GOOD, GOOD])).toBe(2);
  expect(await tried([GOOD, BAD, GOOD], [GOOD, GOOD, BAD])).toBe(2);
  await expect(tried([GOOD, GOOD, BAD])).rejects.toThrow(/unhealthy/);
});

it('believes none whose basic check is bad, however well the deep one is', async () => {
  const refused: Told = ['{"success": false}', 503];
  await expect(triedWith([refused, refused, refused], [GOOD, GOOD, GOOD])).rejects.toThrow(/basic .*503/);
});
