import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { launchScript, runScript } from '../../support/run-script.ts';
import { itInFull } from '../thorough.ts';
import { pause, stepBegins } from '../update/disturb.ts';
import { expectNew } from '../update/judge.ts';
import { update } from '../update/run.ts';
import { docker, type Stack } from '../update/stack.ts';

const common = (stack: Stack) => ['--dir', stack.sandbox.deployDir, '--config', stack.config];
const shell = (command: string, ...args: readonly string[]) => execFileSync(command, args, { encoding: 'utf8' });
const backups = (stack: Stack) => readdirSync(path.join(stack.state, 'backups')).sort();

/** What a script stands on is not as it should be. */
export function surroundingsCases(stack: () => Stack): void {
  itInFull('a deploy directory that can only be read', async () => {
    await stack().release();
    const dir = stack().sandbox.deployDir;
    shell('mount', '--bind', dir, dir);
    onTestFinished(() => void shell('umount', dir));
    shell('mount', '-o', 'remount,bind,ro', dir);
    for (const [script, ...args] of [
      ['deploy-prod-all', '--yes', '--data', 'keep'],
      ['update-prod-flask', '--yes'],
      ['backup-prod', 'create'],
    ] as const) {
      const ended = await runScript(script, [...args, ...common(stack())]);
      expect(ended.exitCode, ended.text).toBe(3);
      expect(ended.text).toMatch(/can't be written: .*read-only file system/i);
      expect(ended.text).toContain('→');
    }
    const planned = await runScript('deploy-prod-all', ['--plan', '--data', 'keep', ...common(stack())]);
    expect(planned.exitCode, planned.text).toBe(0);
  });

  it('a disk that gets full in the middle of a dump, and one that is too small from the beginning', async () => {
    // Random, so that it does not get smaller by being compressed.
    stack().sql(`CREATE TABLE bulk AS SELECT i, gen_random_uuid()::text || gen_random_uuid() || gen_random_uuid() AS text
      FROM generate_series(1, 500000) AS i; ANALYZE bulk`);
    onTestFinished(() => void stack().sql('DROP TABLE bulk'));
    const [image, dir] = [path.join(stack().root, 'small.img'), path.join(stack().state, 'backups')];
    mkdirSync(dir, { recursive: true });
    shell('truncate', '-s', '150M', image);
    shell('mkfs.ext4', '-q', '-m', '0', image);
    shell('mount', '-o', 'loop', image, dir);
    onTestFinished(() => {
      shell('umount', dir);
      rmSync(image);
    });
    rmSync(path.join(dir, 'lost+found'), { recursive: true });

    // The dump stands still until the disk is nearly full, whoever is the quicker.
    const running = launchScript('backup-prod', ['create', '--json', ...common(stack())]);
    let over = false;
    void running.ended.then(() => {
      over = true;
    });
    const dumping = () =>
      readdirSync(dir, { recursive: true, encoding: 'utf8' }).some(
        (name) =>
          name.endsWith('database.dump') && (statSync(path.join(dir, name), { throwIfNoEntry: false })?.size ?? 0) > 0,
      );
    while (!over && !dumping()) await pause(20);
    const dump = (signal: string) =>
      docker('exec', stack().container('postgres'), 'pkill', `-${signal}`, '-x', 'pg_dump');
    dump('STOP'); // fails where there is none
    const { bavail, bsize } = statfsSync(dir);
    shell('fallocate', '-l', String(bavail * bsize - 4_000_000), path.join(dir, 'somebody-elses-file'));
    dump('CONT');
    const full = await running.ended;
    expect(full.exitCode, full.text).toBe(1);
    expect(full.text).toMatch(/got full during the backup .*so it was stopped/);
    expect(backups(stack())).toEqual(['somebody-elses-file']);

    const early = await runScript('backup-prod', ['create', ...common(stack())]);
    expect(early.exitCode, early.text).toBe(3);
    expect(early.text).toMatch(/needed|needs/);
    expect(backups(stack())).toEqual(['somebody-elses-file']);
  });

  itInFull('a clock that steps back an hour in the middle', async () => {
    const shift = path.join(stack().root, 'shift.mjs');
    const back = path.join(stack().root, 'step-back');
    // Time that people write down, not time that passes: as when the machine's clock is set.
    writeFileSync(
      shift,
      `import { existsSync } from 'node:fs';
       const now = Date.now;
       Date.now = () => now() - (existsSync(${JSON.stringify(back)}) ? 3_600_000 : 0);`,
    );
    const release = await stack().release({ import_delay: 1 });
    const run = await update(stack(), ['--backup', 'always', '--json'], {
      env: { NODE_OPTIONS: `--import=file://${shift}` },
      during: async (running) => {
        await stepBegins(running, 'backup');
        writeFileSync(back, '');
      },
    });
    await expectNew(stack(), run, release);
    const times = run.journal.map((line) => Date.parse((line as unknown as { at: string }).at));
    expect(Math.min(...times)).toBeLessThan((times[0] ?? 0) - 3_000_000); // it did step back

    // Whoever comes next is not confused by what lies in its future.
    const next = await stack().release();
    await expectNew(stack(), await update(stack()), next);
  });
}
