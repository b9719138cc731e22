import { expect } from 'vitest';
import { upgradePostgres } from '../../../scripts/upgrade-postgres.ts';
import type { Check } from './again.ts';
import { isServing } from './app.ts';
import type { Cluster, Database } from './cluster.ts';
import { type Deployment, deployment, type Ended, production, type RunOptions } from './deployment.ts';
import { KILLED } from './faults.ts';
import { exitCode, foreign, held, images, lock, lost, secrets } from './invariants.ts';
import { journal } from './journals.ts';

export const UPGRADE = upgradePostgres;
export const IMAGE = 'postgres:17-alpine';
export const TO = ['--to', IMAGE, '--yes'];
export const BACK = ['--back', '--confirm', 'BACK TO POSTGRESQL 15'];
const NAME = 'whalefall_prod';

/** Production whose compose file asks for the next major version, in a volume of its own. */
export async function upgradable(made = deployment()): Promise<Deployment> {
  await production(made);
  made.machine.engine.addImage('postgres', IMAGE, { env: { PG_MAJOR: '17' } });
  asksForNext(made);
  return made;
}

function asksForNext(d: Deployment): void {
  d.editCompose((file) => {
    const volumes = [{ type: 'volume', source: 'pg17', target: '/var/lib/postgresql/data' }];
    Object.assign(file.services.postgres ?? {}, { image: IMAGE, volumes });
    file.volumes = { ...file.volumes, pg17: {} };
  });
}

const clusterIn = (d: Deployment, volume: string) =>
  d.machine.engine.volumes.get(volume)?.files.cluster as Cluster | undefined;
export const former = (d: Deployment) => clusterIn(d, 'prod_whalefall_postgres_data');
export const next = (d: Deployment) => clusterIn(d, 'prod_pg17');

/** The cluster that serves. */
export function serving(d: Deployment): Cluster | undefined {
  const found = d.machine.engine.containers.find((c) => c.server && c.name === 'prod_postgres_prod');
  return found?.server?.cluster;
}

const notes = (cluster: Cluster | undefined): readonly string[] =>
  (cluster?.databases[NAME] as Database | undefined)?.tables.notes ?? [];

/** What must be so after every run, however it ended. */
async function check(d: Deployment, ended: Ended, before: readonly string[]): Promise<void> {
  await d.machine.clock.sleep(15_000);
  d.machine.engine.catchUp();
  const wrong = [
    ...exitCode(ended),
    ...journal(d, ended),
    ...lock(d),
    ...secrets(d, ended),
    ...lost(d),
    ...foreign(d),
    ...images(d),
    ...(await held(d, ended)),
    ...rows(d, ended, before),
    ...(await serves(d, ended)),
  ];
  if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\n\nexit ${ended.exitCode}\n${ended.text}`);
}

/** Every row is in the cluster that serves, and the former one has lost none of its own. */
function rows(d: Deployment, { exitCode }: Ended, before: readonly string[]): string[] {
  const missing = (cluster: Cluster | undefined) => before.filter((n) => !notes(cluster).includes(n));
  const now = serving(d);
  return [
    ...(missing(former(d)).length > 0 && missing(next(d)).length > 0 ? ['rows are in neither cluster'] : []),
    ...(now && missing(now).length > 0 ? [`rows are missing in what serves: ${missing(now)}`] : []),
    ...(now || exitCode === KILLED || exitCode === 6 ? [] : ['no PostgreSQL serves']),
  ];
}

async function serves(d: Deployment, { exitCode, changes }: Ended): Promise<string[]> {
  if (exitCode === KILLED || exitCode === 6) return [];
  const app = d.container('whalefall');
  const up = app?.state === 'running' && (await isServing(d.machine.engine, app));
  const major = serving(d)?.major ?? '?';
  return [
    ...(up ? [] : ['the application does not serve']),
    ...(exitCode === 0 && changes.length > 0 && major !== '17' ? [`exit code 0, and PostgreSQL ${major} serves`] : []),
  ];
}

export async function upgradeAndCheck(
  d: Deployment,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const before = notes(serving(d) ?? former(d));
  const ended = await d.run(args, { script: UPGRADE, ...options });
  await check(d, ended, [...before]);
  return ended;
}

export const upgradeAgain: Check = (d, args, options) => upgradeAndCheck(d, args, options);

/** Refused before anything changes, with all of this said. */
export async function refused(d: Deployment, args: readonly string[], ...says: readonly RegExp[]): Promise<void> {
  const ended = await upgradeAndCheck(d, args);
  expect(ended, ended.text).toMatchObject({ exitCode: 3 });
  for (const words of says) expect(ended.text).toMatch(words);
}
