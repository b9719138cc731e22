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
