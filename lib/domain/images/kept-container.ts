import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Ops, type Paths, runName, uninterruptible } from '../../core/ops.ts';
import { orWarn, type ScreenEvent } from '../../core/screen.ts';
import { type Definition, definitionOf, definitionSchema } from '../../tools/docker/definition.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { readAs } from '../../tools/files/json.ts';
import { readReleases } from '../ledger/releases.ts';
import { findContainers } from '../stack/containers.ts';
import type { Stack } from '../stack/stack.ts';

// Of each release that is proved: what its container was made of, and the .env that it was started with. Beside the ledger, and as long.

const directory = ({ backups }: Pick<Paths, 'backups'>) => path.join(path.dirname(backups), 'containers');
const definitionFile = (paths: Pick<Paths, 'backups'>, run: string) => path.join(directory(paths), `${run}.json`);
const envFile = (paths: Pick<Paths, 'backups'>, run: string) => path.join(directory(paths), `${run}.env`);

/**
 * Keeps both of the application's container, which was proved just now. What can't be kept is only said.
 *
 * @param env what it was made with: the file may have been edited since.
 */
export async function keepContainer(ops: Ops, stack: Stack, env: string | undefined): Promise<void> {
  const calm = uninterruptible(ops);
  const keep = async () => {
    const { app } = await findContainers(calm, stack);
    if (app === undefined) return;
    mkdirSync(directory(ops.paths), { recursive: true, mode: 0o700 });
    const run = runName(ops);
    const definition = await definitionOf(calm, app.id);
    await writeAtomically(definitionFile(ops.paths, run), JSON.stringify(definition));
    if (env === undefined) return;
    await writeAtomically(envFile(ops.paths, run), env);
    if (readFileSync(path.join(ops.target.dir, '.env'), 'utf8') !== env) ops.screen.show(EDITED);
  };
  await orWarn(ops.screen, keep, (why) => ({
    en: `How this release's container was made could not be kept for going back to it: ${why.en}`,
    zh: `未能保存本次发布的容器配置 (供以后回退使用): ${why.zh}`,
  }));
}

const EDITED: ScreenEvent = {
  event: 'warning',
  text: {
    en: '.env was changed while this ran: the container was made with the one from before that.',
    zh: '运行期间 .env 被修改: 容器是以修改之前的 .env 创建的.',
  },
  fix: {
    en: 'To apply it as it is now: npx tsx scripts/apply-env.ts',
    zh: '应用当前的 .env: npx tsx scripts/apply-env.ts',
  },
};

/** What a release's container was made of; of a hot update, the one that it came into. `undefined` where nothing was kept. */
export function keptDefinition(paths: Pick<Paths, 'backups'>, run: string): Definition | undefined {
  const releases = readReleases(paths);
  const until = releases.slice(0, releases.findIndex((r) => r.run === run) + 1);
  const file = until.map((r) => definitionFile(paths, r.run)).findLast(existsSync);
  return file === undefined ? undefined : readAs(definitionSchema, file);
}

/** The `.env` of the last release that was proved. */
export function keptEnv(paths: Pick<Paths, 'backups'>): string | undefined {
  const file = readReleases(paths)
    .map((r) => envFile(paths, r.run))
    .findLast(existsSync);
  return file && readFileSync(file, 'utf8');
}

/** Whether what came by a run, or by one after it, was proved, recorded and kept. @param started the beginning of the run's name. */
export const isProved = (paths: Pick<Paths, 'backups'>, started = '~'): boolean =>
  readReleases(paths).some(({ run }) => run >= started && existsSync(envFile(paths, run)));

/** Removes what was kept of releases that the ledger forgets. */
export function forgetContainer(paths: Pick<Paths, 'backups'>, run: string): void {
  for (const file of [definitionFile(paths, run), envFile(paths, run)]) rmSync(file, { force: true });
}
