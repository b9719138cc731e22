import { expect, it } from 'vitest';
import type { Script } from '../../../../lib/runs/command-line/script.ts';
import { runAdhoc } from '../../../support/adhoc-world.ts';

const text = (en: string) => ({ en, zh: en });
const stub: Script = { name: 'stub', about: text('a stub'), flags: {}, run: async () => text('done') };

it('says in the language and the form that were asked for that there is no such directory', async () => {
  const { exitCode, stdout, stderr } = await runAdhoc(stub, { argv: ['--dir', '/no/such', '--lang', 'zh', '--json'] });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('目录不存在: /no/such');
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string });
  expect(events.at(-1)).toMatchObject({ event: 'result', exitCode: 2 });
});

it.each([
  [['--lang', 'zh', '--nope'], '✗ 未知选项: --nope\n'],
  [['--nope', '--lang=zh'], '✗ 未知选项: --nope\n'],
  [['--lang', 'zh', '--data'], '✗ --data 缺少参数值'],
  [['--lang', 'fr'], '✗ --lang takes zh or en\n'],
])('answers %j in the language that it asks for, though nothing else in it can be understood', async (argv, said) => {
  const script = { ...stub, flags: { data: { type: 'string', help: text('which') } } } as const;
  const { exitCode, stdout } = await runAdhoc(script, { argv });
  expect([exitCode, stdout]).toEqual([2, expect.stringContaining(said)]);
});

it('answers a program that misspells an option as it answers programs', async () => {
  const { exitCode, stdout } = await runAdhoc(stub, { argv: ['--json', '--nope'] });
  expect(exitCode).toBe(2);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event),
  ).toContain('error');
});
