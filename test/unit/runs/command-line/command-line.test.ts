import { expect, it } from 'vitest';
import { readCommandLine } from '../../../../lib/runs/command-line/command-line.ts';
import type { Script } from '../../../../lib/runs/command-line/script.ts';

const text = (word: string) => ({ en: word, zh: `${word} 中` });
const run = async () => text('done');
const several: Script = {
  name: 'backup-prod',
  about: text('about all'),
  commands: {
    create: {
      about: text('makes one'),
      flags: { tag: { type: 'string', help: text('tag') }, userdata: { type: 'boolean', help: text('userdata') } },
      run,
    },
    list: { about: text('lists'), flags: {}, onlyLooks: true, run },
    verify: {
      about: text('tries one'),
      flags: { level: { type: 'string', choices: ['checksum', 'restored'], help: text('level') } },
      positionals: [{ name: 'backup', help: text('which one') }],
      run,
    },
    prune: {
      about: text('removes'),
      flags: { keep: { type: 'string', count: true, help: text('keep') } },
      positionals: [
        { name: 'of', help: text('of what') },
        { name: 'more', optional: true, help: text('more') },
      ],
      run,
    },
  },
};
const single: Script = {
  name: 'restore-prod',
  about: text('restores'),
  flags: {},
  positionals: [{ name: 'backup', optional: true, help: text('which one') }],
  run,
};

const refused = (message: RegExp) =>
  expect.objectContaining({ kind: 'usage', exitCode: 2, message: expect.stringMatching(message) });

it('finds the command, its words and its options, in any order', () => {
  const commands = 'commands' in several ? several.commands : {};
  for (const argv of [
    ['verify', 'latest', '--level', 'checksum', '--dir', '/x'],
    ['--dir', '/x', 'verify', '--level=checksum', 'latest'],
    ['--level', 'checksum', '--dir', '/x', 'verify', '--', 'latest'],
  ]) {
    const line = readCommandLine(several, argv);
    expect(line).toMatchObject({ name: 'backup-prod verify', action: commands.verify });
    expect(line.parsed).toEqual({ command: 'verify', backup: 'latest', level: 'checksum', dir: '/x' });
  }
  expect(readCommandLine(several, ['prune', 'a', 'b']).parsed).toMatchObject({ of: 'a', more: 'b' });
  expect(readCommandLine(several, ['prune', 'a']).parsed).toEqual({ command: 'prune', of: 'a' });
});

it.each([
  [[], /a command is missing: create, list, verify, prune/],
  [['nonsense'], /no such command: nonsense/],
  [['constructor'], /no such command/],
  [['list', 'x'], /unexpected word: x/],
  [['list', '--keep', '3'], /--keep/],
  [['verify'], /BACKUP is missing: which one/],
  [['verify', ''], /BACKUP is missing/],
  [['verify', 'a', 'b'], /unexpected word: b/],
  [['verify', 'a', '--level', 'none'], /--level takes checksum or restored/],
  [['prune', 'a', '--keep', '0'], /whole number from 1/],
  [['prune', 'a', '--keep', '3.5'], /whole number from 1/],
  [['prune', 'a', '--keep', '-3'], /--keep/],
])('refuses %j with exit code 2', (argv, message) => {
  expect(() => readCommandLine(several, argv)).toThrow(refused(message));
});

it('takes words also for a script that does one thing', () => {
  expect(readCommandLine(single, ['20260102T030405Z-whalefall', '--plan']).parsed).toEqual({
    backup: '20260102T030405Z-whalefall',
    plan: true,
  });
  expect(readCommandLine(single, []).parsed).toEqual({});
  expect(() => readCommandLine(single, ['a', 'b'])).toThrow(refused(/unexpected word: b/));
});

it('explains commands, words and options in both languages, without asking for what is required', () => {
  const all = readCommandLine(several, ['--help']);
  expect(all.action).toBeUndefined();
  for (const [language, end] of [
    ['en', ''],
    ['zh', ' 中'],
  ] as const) {
    for (const shown of [`makes one${end}`, `removes${end}`, 'create|list|verify|prune']) {
      expect(all.help(language)).toContain(shown);
    }
    const one = readCommandLine(several, ['prune', '--help']).help(language);
    for (const shown of ['scripts/backup-prod.ts prune OF [MORE] [options]', `of what${end}`, `keep${end}`, '--dir']) {
      expect(one).toContain(shown);
    }
    expect(one).not.toContain('--level');
  }
});
