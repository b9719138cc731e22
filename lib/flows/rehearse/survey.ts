import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { ask, read } from '../../core/run.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { findDatabaseBackup } from '../../domain/backup/find.ts';
import { DamagedBackup, type DatabaseManifest, type Stored } from '../../domain/backup/manifest.ts';
import { claimStack } from '../../domain/data/claim.ts';
import { imageId } from '../../domain/images/build.ts';
import { imageState } from '../../domain/images/running.ts';
import { imageOf } from '../../domain/images/stand-in.ts';
import { describeCommit, fetchSource } from '../../domain/release/source.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { type Containers, findContainers } from '../../domain/stack/containers.ts';
import { surveyPrerequisites } from '../../domain/stack/prerequisites.ts';
import { loginOf, type Stack } from '../../domain/stack/stack.ts';
import type { Checkout } from '../../tools/git/checkout.ts';
import { availableMemory } from '../../tools/postgres/throwaway.ts';
import type { Code, Facts } from './facts.ts';
import { limitsFor } from './limits.ts';

/**
 * Looks at backups, code and images; changes nothing but, with `ref`, the repository's remote-tracking refs.
 *
 * @param wanted a backup's directory, its name or `latest`, and what to boot (default: what runs now, else what is checked out).
 * @throws {OpsError} `precondition` when there is nothing to rehearse with; `failed` when the backup that is meant can't be used: that is
 *   what a drill is to find out.
 */
export async function surveyRehearsal(ops: Ops, wanted: { backup: string; ref?: string }): Promise<Facts> {
  const { checkout } = await surveyPrerequisites(ops);
  const stack = await resolveStack(ops);
  await claimStack(ops, stack);
  const backup = chooseBackup(ops, loginOf(stack).name, wanted.backup);
  const production = await findContainers(ops, stack);
  const [code, postgres, redis, cpus] = await Promise.all([
    chooseCode(ops, production, checkout, wanted.ref),
    storeImage(ops, stack, production, 'postgres'),
    storeImage(ops, stack, production, 'redis'),
    ask(ops, read(['docker', 'info', '-f', '{{.NCPU}}'])),
  ]);
  const limits = limitsFor({ cpus: Number(cpus) || 1, availableMemory: availableMemory() });
  return { stack, production, backup, code, images: { postgres, redis }, limits };
}

/** That it can't be read is not a mistake of whoever named it: a drill that failed. */
function chooseBackup(ops: Ops, database: string, wanted: string): Stored<DatabaseManifest> {
  let backup: Stored<DatabaseManifest>;
  try {
    backup = findDatabaseBackup(ops, wanted, database);
  } catch (error) {
    if (!(error instanceof DamagedBackup)) throw error;
    throw new OpsError({ kind: 'failed', what: error.what, state: NOTHING_CHANGED, next: error.next, cause: error });
  }
  const has = backup.manifest.database.name;
  if (has !== database) throw otherDatabase(backup.dir, has, database);
  return backup;
}

async function chooseCode(ops: Ops, { app }: Containers, checkout: Checkout, ref: string | undefined): Promise<Code> {
  const marker = app?.state === 'running' ? await readMarker(ops, app.id) : undefined;
  const isGone = app !== undefined && (await imageState(ops, app.imageId)) === 'gone';
  // A hot update leaves the image as it was.
  const imageHas = !isGone && marker?.run.endsWith('-deploy-prod-all') ? marker.commit : undefined;
  if (ref !== undefined) {
    const { commit, subject } = await fetchSource(ops, ref);
    return app && imageHas === commit
      ? { kind: 'image', imageId: app.imageId, commit, subject }
      : { kind: 'build', commit, subject };
  }
  if (app === undefined || (isGone && marker === undefined))
    return { kind: 'build', commit: checkout.commit, subject: checkout.subject };
  if (marker === undefined) return { kind: 'image', imageId: app.imageId, commit: undefined, subject: '' };
  const { commit } = marker;
  const subject = (await describeCommit(ops, commit))?.subject;
  if (imageHas === commit) return { kind: 'image', imageId: app.imageId, commit, subject: subject ?? '' };
  if (subject === undefined) throw unknownCommit(commit);
  return { kind: 'build', commit, subject };
}

async function storeImage(
  ops: Ops,
  { services }: Stack,
  production: Containers,
  role: 'postgres' | 'redis',
): Promise<string> {
  const [service, container] = [services[role], production[role]];
  const id = container ? await imageOf(ops, role, container) : await imageId(ops, service.image);
  if (id !== undefined) return id;
  throw refuse(
    {
      en: `The image of ${service.key} is not here: ${service.image}`,
      zh: `缺少 ${service.key} 的镜像: ${service.image}`,
    },
    { en: `Fetch it: docker pull ${service.image}`, zh: `请先拉取: docker pull ${service.image}` },
  );
}

const otherDatabase = (dir: string, has: string, wanted: string) =>
  refuse(
    { en: `${dir} is a backup of ${has}, not of ${wanted}.`, zh: `${dir} 是 ${has} 的备份, 不是 ${wanted} 的.` },
    { en: 'Choose another one with --backup.', zh: '请用 --backup 指定其他备份.' },
  );

const unknownCommit = (commit: string) =>
  refuse(
    {
      en: `The application was hot-updated to ${commit.slice(0, 10)}, which the deploy directory's repository does not have.`,
      zh: `应用已热更新到 ${commit.slice(0, 10)}, 但部署目录的仓库中没有该提交.`,
    },
    { en: 'git fetch, or name a release: --ref REF', zh: '请执行 git fetch, 或用 --ref 指定版本.' },
  );
