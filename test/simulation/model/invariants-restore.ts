import type { Check } from './again.ts';
import { isServing } from './app.ts';
import { contentOf, type Database } from './cluster.ts';
import type { Deployment, Ended, RunOptions } from './deployment.ts';
import { KILLED } from './faults.ts';
import { exitCode, foreign, held, images, type Kept, keptNow, lock, lost, promises, secrets } from './invariants.ts';
import { journal } from './journals.ts';
import { backedUp, NAME, RESTORE } from './restorable.ts';

/** What was there before a restore. */
interface Before {
  readonly databases: Readonly<Record<string, Database>>;
  readonly app: string | undefined;
  readonly kept: Kept;
}

const look = (d: Deployment): Before =>
  structuredClone({
    databases: d.cluster?.databases ?? {},
    app: d.container('whalefall')?.state,
    kept: keptNow(d),
  });

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** What must be so after every run of a restore, however it ended. */
async function check(d: Deployment, ended: Ended, before: Before): Promise<void> {
  await d.machine.clock.sleep(40_000); // longer than anything stands still
  d.machine.engine.catchUp();
  const wrong = [
    ...exitCode(ended),
    ...journal(d, ended),
    ...lock(d),
    ...secrets(d, ended),
    ...lost(d),
    ...foreign(d),
    ...images(d),
    ...promises(d, ended, before.kept),
    ...standing(d, ended, before),
    ...(await held(d, ended)),
    ...(await contents(d, ended, before)),
    ...(await serves(d, ended, before)),
  ];
  if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\n\nexit ${ended.exitCode}\n${ended.text}`);
}

/** Nobody finds the application standing still, unless a person was told so and what to type. */
function standing(d: Deployment, { exitCode, text }: Ended, before: Before): string[] {
  const app = d.container('whalefall');
  if (app?.app?.frozen && !(exitCode === 6 && text.includes('pkill -CONT'))) return ['the application stands still'];
  return app?.state === before.app ? [] : [`the application was ${before.app} and is ${app?.state}`];
}

/** Whatever database has the name is wholly the old one or wholly the new one, and both the old and others are there still. */
async function contents(d: Deployment, { exitCode, text, changes }: Ended, before: Before): Promise<string[]> {
  const now = d.cluster?.databases ?? {};
  const old = before.databases[NAME];
  const { content: backup } = await backedUp();
  const isOld = same(now[NAME], old);
  const isNew = same({ ...(now[NAME] && contentOf(now[NAME])), owner: '' }, { ...backup, owner: '' });
  const done = exitCode === 0 && changes.length > 0;
  const added = Object.keys(now).filter((name) => name !== NAME && !(name in before.databases));
  const others = Object.keys(before.databases).filter(
    (name) => name !== NAME && !Object.values(now).some((db) => same(db, before.databases[name])),
  );
  const untold = added.filter((name) => !text.includes(name));
  const isTold = exitCode === KILLED || exitCode === 6 || untold.length === 0;
  return [
    ...(isOld || isNew ? [] : ['the database in use is neither the old one nor the new one']),
    ...(done && !isNew ? ['exit code 0, but it is not the backup'] : []),
    ...(![0, 6, KILLED].includes(exitCode) && !isOld ? [`exit code ${exitCode}, but it is not the old one`] : []),
    ...(old && !Object.values(now).some((db) => same(db, old)) ? ['the old database is nowhere'] : []),
    ...others.map((name) => `${name} was touched`),
    ...(isTold ? [] : [`${untold.join()} is left, and nobody says so`]),
    ...(done && added.length !== (old ? 1 : 0) ? [`there are ${added.join()}`] : []),
  ];
}

async function serves(d: Deployment, { exitCode }: Ended, before: Before): Promise<string[]> {
  const app = d.container('whalefall');
  if (exitCode === 6 || before.app !== 'running') return [];
  if (exitCode !== 0 && !(NAME in before.databases)) return []; // as before
  return app && (await isServing(d.machine.engine, app)) ? [] : ['the application does not serve'];
}

/** Runs the restore and checks the invariants. */
export async function restoreAndCheck(
  d: Deployment,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const before = look(d);
  const ended = await d.run(args, { script: RESTORE, ...options });
  await check(d, ended, before);
  return ended;
}

/** The same after a person did what the last run said. */
export const restoreAgain: Check = (d, args, options) => {
  const app = d.container('whalefall');
  if (app?.app?.frozen && !options.fault) app.app.frozenIn = undefined;
  return restoreAndCheck(d, args, options);
};
