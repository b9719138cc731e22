import { expect, it } from 'vitest';
import {
  type Brought,
  leftAloneRows,
  leftAloneWarnings,
  withLeftAlone,
} from '../../../../lib/domain/stack/left-alone.ts';
import type { OtherService } from '../../../../lib/domain/stack/stack.ts';
import { facts } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

const others: readonly OtherService[] = [
  { key: 'worker', code: 'image' },
  { key: 'beat', code: 'image' },
  { key: 'jobs', code: 'repository' },
  { key: 'mailer', code: 'foreign' },
  { key: 'cron', code: 'foreign' },
  { key: 'never-started', code: 'image' },
];
const stack = { ...facts().stack, others };

const line = (service: string, state: string, more: { name?: string; oneOff?: string; run?: string } = {}) =>
  [service, more.oneOff ?? 'False', more.run ?? '', state, more.name ?? `shop-${service}-1`].join('\t');

const THERE = [
  line('whalefall', 'running'),
  line('worker', 'running'),
  line('beat', 'exited'),
  line('jobs', 'restarting'),
  line('mailer', 'paused'),
  line('cron', 'exited'),
  line('nightly', 'running'),
  line('weekly', 'exited'),
  line('whalefall', 'running', { name: 'shop-shell', oneOff: 'True' }),
  line('whalefall', 'exited', { name: 'shop-once', oneOff: 'True' }),
  line('whalefall', 'running', { name: 'shop-one-off', oneOff: 'True', run: '20260102T030405Z-deploy-prod-all' }),
];

async function found(lines: readonly string[] = THERE) {
  const ops = testOps(({ argv }) =>
    argv[1] === 'ps' ? { stdout: lines.map((l) => `${l}\n`).join('') } : { exitCode: 1, stderr: 'not asked here' },
  );
  return { ops, stack: await withLeftAlone(ops, stack) };
}

it('names every container of the project that runs beside the three services, and none of ours', async () => {
  const { ops, stack: asked } = await found();
  expect(ops.scripted.calls[0]?.argv.join(' ')).toContain(
    'docker ps -a --no-trunc --filter label=com.docker.compose.project=shop --format',
  );
  expect(leftAloneRows(asked).map(([, names]) => names.en)).toEqual([
    'worker, beat (stopped), jobs, mailer, nightly, shop-shell',
  ]);
});

it('says what they are made from, which do not run, and how they get what the application has', async () => {
  const { ops, stack: asked } = await found();
  const said = leftAloneWarnings(ops.target, asked, 'built').map((w) => [w.text.en, w.fix?.en ?? '']);
  expect(said).toEqual([
    [
      'Made from the same image and left alone: worker, beat (stopped). It goes on running the former code.',
      expect.stringMatching(/up -d --no-deps worker beat$/),
    ],
    [
      expect.stringMatching(/^Built from the same repository.*left alone: jobs\. It goes on running the former code/),
      expect.stringMatching(/up -d --no-deps --build jobs$/),
    ],
    [expect.stringMatching(/^nightly runs, and the compose configuration/), ''],
    [expect.stringMatching(/^shop-shell runs, and the compose configuration/), ''],
  ]);
});

it.each<[Brought, RegExp, RegExp, RegExp]>([
  ['files', /former code/, /--bake, or a full rebuild.*up -d --no-deps worker beat$/, /--no-deps --build jobs$/],
  [
    'image',
    /former code/,
    /^To bring it there: docker compose.* worker beat$/,
    /check out that release.*--build jobs$/,
  ],
  ['env', /keeps the variables/, /^To bring it there: docker.* worker beat$/, /there: docker.*up -d --no-deps jobs$/],
])('and after which run: %s', async (brought, keeps, image, built) => {
  const { ops, stack: asked } = await found();
  const [same, own] = leftAloneWarnings(ops.target, asked, brought);
  for (const warning of [same, own]) expect(warning?.text.en).toMatch(keeps);
  expect(same?.fix?.en).toMatch(image);
  expect(own?.fix?.en).toMatch(built);
});

it('sends nobody to compose before a network that it would take from under production is declared as it is', async () => {
  const { ops, stack: asked } = await found();
  const changedNetworks = [{ name: 'shop_net', differs: ['subnet'] }];
  for (const brought of ['built', 'files', 'image', 'env'] as const) {
    const fixes = leftAloneWarnings(ops.target, { ...asked, changedNetworks }, brought).flatMap((w) => w.fix ?? []);
    expect(fixes).toHaveLength(2);
    for (const { en, zh } of fixes) {
      expect(en).toMatch(
        /^As long as the compose file declares network shop_net in another way.* correct that first\. /,
      );
      expect(zh).toMatch(/^compose 文件中网络 shop_net 的定义与现状不一致时/);
    }
  }
});

it('says nothing of those that nobody ever started', async () => {
  const { ops, stack: asked } = await found([line('whalefall', 'running')]);
  expect(leftAloneRows(asked)).toEqual([]);
  expect(leftAloneWarnings(ops.target, asked, 'built')).toEqual([]);
});
