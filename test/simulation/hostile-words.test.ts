import { chmodSync, readdirSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Script } from '../../lib/index.ts';
import { backupProd } from '../../scripts/backup-prod.ts';
import { deployProdAll } from '../../scripts/deploy-prod-all.ts';
import { restoreProd } from '../../scripts/restore-prod.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { runsScript } from '../../scripts/runs.ts';
import { Deployment } from './model/deployment.ts';
import { restorable } from './model/restorable.ts';

vi.setConfig({ testTimeout: 60_000 });

// Words that mean nothing here, given where a name is expected.
const WORDS = [
  ...['../../x', '/etc', '..', '.', '/', '~', '*', 'a/../../b', '\u0000x'],
  ...['--confirm', '-x', '--format={{.}}', '--', '$(reboot)', "'; DROP DATABASE x; --", '`id`', '"', '\\'],
  ...['a\nb', '✓ Deployed\n✓ Deployed', '\u001b[2J', '\u202egpj', '\u009b31m', 'x'.repeat(5000), ' ', '鲸'],
];

const PLACES: readonly (readonly [what: string, script: Script, before: readonly string[]])[] = [
  ['a backup to be restored', restoreProd, ['--']],
  ['a database to go back to', restoreProd, ['--back']],
  ['a database to drop', restoreProd, ['--drop']],
  ['a backup to be verified', backupProd, ['verify', '--']],
  ['a release to go back to', rollbackProd, ['--']],
  ['the data to go back with', rollbackProd, ['previous', '--data']],
  ['a run to be shown', runsScript, ['show', '--']],
  ['a run to be undone', runsScript, ['undo', '--']],
  ['what becomes of data', deployProdAll, ['--data']],
  ['a lock’s time', deployProdAll, ['--lock-wait']],
];

let d: Deployment;
beforeAll(async () => {
  d = await restorable(new Deployment());
});
afterAll(() => d.remove());

// Each place gets some of the words, so that each is tried somewhere; SIMULATION=full tries all everywhere.
const share = (at: number) =>
  process.env.SIMULATION === 'full' ? WORDS : WORDS.filter((_, n) => n % PLACES.length === at);

it.each(PLACES.map(([what, ...place], at) => [what, place, share(at)] as const))(
  'takes no hostile word for %s',
  async (_what, [script, before], words) => {
    const lying = () => [d.root, d.dir, `${d.state}/backups`].flatMap((dir) => readdirSync(dir));
    const lay = lying();
    for (const word of words) {
      const last = before.at(-1) ?? '';
      const attached = last.startsWith('--') && last !== '--';
      const args = attached ? [...before.slice(0, -1), `${last}=${word}`] : [...before, word];
      const { exitCode, text, changes } = await d.run(args, { script });
      expect(text, JSON.stringify(word)).not.toMatch(/This is a bug|(?![\n\t])\p{Cc}|\p{Cf}/u);
      expect(text).not.toMatch(/^✓ Deployed/m);
      // 1: whether a backup is any good was the question.
      expect(script === backupProd ? [1, 2, 3] : [2, 3], `${JSON.stringify(word)}\n${text}`).toContain(exitCode);
      expect(changes).toEqual([]);
    }
    expect(lying()).toEqual(lay);
  },
);

it('closes a state directory that others could look into', async () => {
  const open = [d.state, `${d.state}/backups`, `${d.state}/runs`];
  for (const dir of open) chmodSync(dir, 0o755);
  await d.run(['--data', 'keep'], { script: deployProdAll }); // nobody agrees
  expect(open.map((dir) => statSync(dir).mode & 0o777)).toEqual([0o700, 0o700, 0o700]);
});
