import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { printable, type Text } from '../../core/text.ts';
import { readReleases } from '../ledger/releases.ts';
import { knowsRevision } from '../release/knows-revision.ts';
import { describeCommit } from '../release/source.ts';
import type { Facts } from '../stack/deployment.ts';
import type { TriedImage } from './try-start.ts';

/** The revision that the database has and keeps, as far as the survey could ask. */
export const keptRevision = ({ database }: Facts): string | undefined =>
  database.kind === 'running' ? database.revision : undefined;

/**
 * A database that is kept must be at a revision which the image knows: no migration leads on from another one.
 *
 * @throws {OpsError} `precondition` with who knows it, and the ways on.
 */
export async function requireKnownRevision(ops: Ops, facts: Facts, { head, known }: TriedImage): Promise<void> {
  const revision = keptRevision(facts);
  if (revision === undefined || known) return;
  const knows = await newestThatKnows(ops, revision);
  throw refuse(
    {
      en: `The database is at revision ${printable(revision)}, which this image does not know: its migrations end at ${printable(head)}.`,
      zh: `数据库的结构版本为 ${printable(revision)}, 而该镜像中没有这个版本: 其迁移链止于 ${printable(head)}.`,
    },
    ...(knows === undefined ? [NOBODY_KNOWS] : ways(knows)),
    RESTORE,
  );
}

/** The newest release of the ledger with such a migration. */
async function newestThatKnows(ops: Ops, revision: string): Promise<string | undefined> {
  const commits = [...new Set(readReleases(ops.paths).map((r) => r.commit))].reverse();
  for (const commit of commits) {
    if ((await describeCommit(ops, commit)) === undefined) continue;
    if (await knowsRevision(ops, commit, revision)) return commit;
  }
  return undefined;
}

const ways = (commit: string): Text[] => [
  {
    en: `Release ${commit.slice(0, 10)} knows it. Deploy that, or a newer one: git checkout ${commit} && npx tsx scripts/deploy-prod-all.ts --data keep`,
    zh: `版本 ${commit.slice(0, 10)} 包含该结构版本. 请部署该版本或更新的版本: git checkout ${commit} && npx tsx scripts/deploy-prod-all.ts --data keep`,
  },
  {
    en: `Where it has an image, that is quicker: npx tsx scripts/rollback-prod.ts ${commit.slice(0, 10)}`,
    zh: `若该版本仍有镜像, 更快的方式: npx tsx scripts/rollback-prod.ts ${commit.slice(0, 10)}`,
  },
];

const NOBODY_KNOWS: Text = {
  en: 'No release in the ledger knows it. Find the commit that does: git log --all --oneline -- migrations/versions',
  zh: '发布记录中没有任何版本包含它. 查找包含该迁移的提交: git log --all --oneline -- migrations/versions',
};

const RESTORE: Text = {
  en: 'Or go back to the data from before that migration (what was written since is lost): npx tsx scripts/backup-prod.ts list, then npx tsx scripts/restore-prod.ts',
  zh: '或恢复该次迁移之前的备份 (此后写入的数据会丢失): 先 npx tsx scripts/backup-prod.ts list, 再 npx tsx scripts/restore-prod.ts',
};
