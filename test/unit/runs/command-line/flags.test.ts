import fc from 'fast-check';
import { expect, it } from 'vitest';
import { COMMON_FLAGS, duration, parseFlags } from '../../../../lib/runs/command-line/flags.ts';
import { helpText } from '../../../../lib/runs/command-line/help.ts';

const flags = {
  data: { type: 'string', choices: ['keep', 'delete'], help: { en: 'x', zh: 'x' } },
  ...COMMON_FLAGS,
} as const;

it('reads flags and their values', () => {
  expect(parseFlags(['--data', 'keep', '--plan', '--confirm', 'DELETE ALL DATA '], flags)).toMatchObject({
    data: 'keep',
    plan: true,
    confirm: 'DELETE ALL DATA ',
  });
});

it.each([[['--data', 'drop']], [['--nope']], [['prod']], [['--confirm']], [['--lang', 'fr']]])(
  'refuses %j with exit code 2',
  (argv) => {
    expect(() => parseFlags(argv, flags)).toThrow(expect.objectContaining({ kind: 'usage', exitCode: 2 }));
  },
);

it.each([
  [['--nope=Sentinel-1234'], 'unknown option: --nope', '未知选项: --nope'],
  [['-y'], 'unknown option: -y', '未知选项: -y'],
  [['--__proto__'], 'unknown option: --__proto__', '未知选项: --__proto__'],
  [['--plan=yes'], '--plan takes no value', '--plan 不接受参数值'],
  [['--confirm'], '--confirm: its value is missing', '--confirm 缺少参数值'],
  [['--confirm', '--plan'], '--confirm: its value is missing', '--confirm 缺少参数值'],
])('says of %j what is wrong with it, in both languages and without its value', (argv, en, zh) => {
  const refused = () => parseFlags(argv, flags);
  expect(refused).toThrow(
    expect.objectContaining({ what: { en: expect.stringContaining(en), zh: expect.stringContaining(zh) } }),
  );
  expect(refused).not.toThrow('Sentinel-1234');
});

it('refuses whatever else there is as a misuse too: nothing is left to words of Node’s own', () => {
  const word = fc.constantFrom(
    '--plan',
    '--confirm',
    '--',
    '-',
    '--=',
    '-p',
    '--no-plan',
    '--plan=',
    '--confirm=',
    'x',
    '',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 4 })), { maxLength: 5 }), (argv) => {
      try {
        parseFlags(argv, flags);
      } catch (error) {
        expect(error, JSON.stringify(argv)).toMatchObject({ kind: 'usage' });
      }
    }),
    { numRuns: 2000 },
  );
});

it('takes a value that begins with - where it can’t be meant otherwise, and what follows -- for words', () => {
  expect(parseFlags(['--confirm=-x'], flags).confirm).toBe('-x');
  expect(parseFlags(['--', '--plan'], flags, [{ name: 'backup', help: flags.plan.help }])).toMatchObject({
    backup: '--plan',
  });
});

it('reads durations and refuses anything else', () => {
  expect(['45', '45s', '10m', '1h'].map(duration)).toEqual([45_000, 45_000, 600_000, 3_600_000]);
  for (const bad of ['', '10 m', '-1s', '1d', 'soon']) expect(() => duration(bad)).toThrow('not a duration');
});

it('explains every flag in both languages', () => {
  for (const language of ['en', 'zh'] as const) {
    const text = helpText('deploy-prod-all', { about: { en: 'About it.', zh: '说明.' }, flags }, language);
    for (const [name, flag] of Object.entries(flags)) {
      expect(text).toContain(`--${name}`);
      expect(text).toContain(flag.help[language]);
    }
  }
});

it('refuses a time that is none before anything is begun', () => {
  const soak = { type: 'string', duration: true, help: { en: 'watch', zh: '观察' } } as const;
  expect(() => parseFlags(['--soak', 'long'], { soak })).toThrow(/not a duration: long/);
  expect(parseFlags(['--soak', '10s'], { soak }).soak).toBe('10s');
});
