import type { Ops } from '../../core/ops.ts';
import { say } from '../../core/screen.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { definitionOf, variablesOf, variablesOfImage } from '../../tools/docker/definition.ts';
import { canLogIn, setPassword } from '../../tools/postgres/login.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { envValues, readEnvText } from '../env/file.ts';
import { registerEnvSecrets } from '../env/secrets.ts';
import { replaceEnv } from '../env/write.ts';
import { keptEnv } from '../images/kept-container.ts';
import { findContainers, findVolumes } from '../stack/containers.ts';
import type { EnvChange, Facts } from '../stack/deployment.ts';
import { databaseOf, type Service, type Stack } from '../stack/stack.ts';
import { databasePassword, ownAddress } from './stack-facts.ts';

const READY_MS = 60_000;

type Variables = Readonly<Record<string, string>>;

/** Looks at `.env`, at the one of the last release that was proved, and at what the container was started with. */
export async function surveyEnvChange(ops: Ops, stack: Stack, app: Container): Promise<EnvChange | undefined> {
  const host = envValues(ops);
  if (Object.keys(host).length === 0) return undefined; // whoever needs the file says what is wrong with it
  const text = keptEnv(ops.paths);
  const container = variablesOf(await definitionOf(ops, app.id));
  if (text === undefined) {
    const byImage = await variablesOfImage(ops, app.imageId);
    return changeSeen(stack.services.app, { container, byImage, stamped: ops.target.release.stamp });
  }
  const { values: kept } = readEnvText(text);
  registerEnvSecrets(ops.secrets, text);
  return changeSince(host, container, kept);
}

/**
 * By the variables that compose would give the container now: others, more, or fewer. Pure.
 *
 * @param has.container may have proxies as well: compose gives those of the docker client's own configuration besides.
 * @param has.byImage those that its image gives by itself; undefined: unknown, and what is no longer given can't be told from them.
 * @param has.stamped names that compose does not give, but the scripts.
 */
export function changeSeen(
  { environment, fromFiles }: Pick<Service, 'environment' | 'fromFiles'>,
  has: { readonly container: Variables; readonly byImage: Variables | undefined; readonly stamped: readonly string[] },
): EnvChange | undefined {
  const { container, byImage, stamped } = has;
  const isClients = (name: string) => /^(https?|ftp|no|all)_proxy$/i.test(name);
  // The container has the file's name there; what is in it is read at each start.
  const apart = new Set([...stamped, ...fromFiles.flatMap((name) => [name, `${name}_FILE`])]);
  const given = Object.keys(environment).filter((name) => container[name] !== environment[name]);
  const gone = Object.keys(container).filter(
    (name) => !(name in environment) && !isClients(name) && byImage !== undefined && byImage[name] !== container[name],
  );
  const names = [...given, ...gone].filter((name) => !apart.has(name));
  return names.length > 0 ? { names, isKept: false } : undefined;
}

/** By the file that is kept, unless somebody has made the container anew with the present one since. Pure. */
export function changeSince(host: Variables, container: Variables, kept: Variables): EnvChange | undefined {
  const all = [...new Set([...Object.keys(kept), ...Object.keys(host)])];
  const names = all.filter((name) => kept[name] !== host[name]);
  const fits = (file: Variables) => names.some((name) => name in container && container[name] === file[name]);
  return names.length > 0 && (fits(kept) || !fits(host)) ? { names, isKept: true } : undefined;
}

/**
 * Puts the `.env` in place that the former container was started with, before it is started again; the present one is kept in the run's
 * directory. The database's password goes with it: the run may have set the new one.
 */
export async function putBackEnv(ops: Ops, facts: Facts): Promise<void> {
  const text = facts.envChange?.isKept ? keptEnv(ops.paths) : undefined;
  if (text === undefined) return;
  const aside = await replaceEnv(ops, text);
  if (aside !== undefined) {
    ops.journal.write({ event: 'note', key: 'env-set-aside', value: aside });
    say(ops.screen, 'warning', {
      en: `.env is again the one that the former release was started with. The changed one is kept: ${aside}`,
      zh: `.env 已恢复为旧版本启动时所用的文件. 修改过的文件保留在: ${aside}`,
    });
  }
  await putBackPassword(ops, facts, readEnvText(text).values.POSTGRES_PASSWORD);
}

async function putBackPassword(ops: Ops, facts: Facts, password: string | undefined): Promise<void> {
  const { postgres } = await findContainers(ops, facts.stack);
  if (!password || password === databasePassword(facts.stack) || postgres?.state !== 'running') return;
  const database = databaseOf(facts.stack, postgres, await findVolumes(ops, facts.stack));
  await waitForPostgres(ops, database, READY_MS); // it may have been given back a moment ago
  const from = { container: postgres.id, host: ownAddress(facts, postgres) };
  if ((await canLogIn(ops, database, from, password)) === 'wrong-password') await setPassword(ops, database, password);
}
