import type { Ops } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import { given, printable, same, type Text } from '../../core/text.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import { endpointsOf } from '../app/endpoints.ts';
import { describeHealth, waitForHealth } from '../app/health.ts';
import { takeInventory } from '../app/inventory.ts';
import { requireFormerPrograms } from '../app/programs.ts';
import { inspectSchema } from '../schema/revision.ts';
import { deviation } from './files-in-place.ts';
import type { HotRelease } from './hot-release.ts';
import { noticedText } from './messages.ts';

/**
 * Proves after undoing that the old release serves, file by file of what git has, and that supervisord runs what it ran, and says what stays: a migration that was applied is not taken
 * back, because that would lose what was written since.
 *
 * @throws {OpsError} when the old release does not serve.
 */
export async function proveAsBefore(ops: Ops, update: HotRelease): Promise<Text> {
  const { facts, downtime, before } = update;
  const app = await inspectContainer(ops, facts.app.id);
  const health = await waitForHealth(ops, endpointsOf(ops.target, app), app, {
    deadlineMs: ops.target.bootSeconds * 1000,
  });
  const files = await takeInventory(ops, app.id, ops.target.app.root);
  const { wrong, besides } = deviation(ops.target, facts, files, before ?? facts.running.files);
  if (wrong.length > 0) throw notBack(wrong);
  // What a killed update left in force, its own restart was to end.
  if (facts.pendingRestart !== 'container') await requireFormerPrograms(ops, app.id, facts.programs.all);
  const schema = await schemaNow(ops, update);
  const noticed = noticedText(await downtime.stop());
  const said = describeHealth(health);
  const died = app.restartCount > facts.app.restartCount;
  const again: Text = died
    ? { en: 'The container died meanwhile and was started again. ', zh: '期间容器曾退出并被重新启动. ' }
    : same('');
  const foreign: Text = {
    en: besides.map((b) => `${b.en}. `).join(''),
    zh: besides.map((b) => `${b.zh}. `).join(''),
  };
  const unproved = facts.cutShort.releases.some(({ commit }) => commit !== facts.running.released);
  const asBefore = before ? BEFORE_KILLED : unproved ? AS_FOUND : AS_BEFORE;
  return {
    en: `${asBefore.en}: ${said.en}. ${foreign.en}${again.en}${schema.en}Requests meanwhile: ${noticed.en}`,
    zh: `${asBefore.zh}: ${said.zh}. ${foreign.zh}${again.zh}${schema.zh}期间的请求: ${noticed.zh}`,
  };
}

const AS_BEFORE: Text = {
  en: 'The old release serves, every file as before',
  zh: '旧版本正常服务, 文件与之前完全一致',
};
const BEFORE_KILLED: Text = {
  en: 'The release from before the run that was killed serves: what that one had put in place was taken back, too',
  zh: '被终止的那次运行之前的版本正常服务: 该次运行换入的文件也已换回',
};
const AS_FOUND: Text = {
  en: 'What served when this run began serves, every file as it was then; but the run before it was killed, and whatever that one had put in place is not proved',
  zh: '服务与本次运行开始时一致, 文件未变; 但上一次运行被中途终止, 其可能已换入的文件未经验证',
};

async function schemaNow(ops: Ops, { facts, backup }: HotRelease): Promise<Text> {
  const before = facts.schema.kind === 'empty' ? undefined : facts.schema.revision;
  const now = await inspectSchema(ops, facts.database);
  const revision = now.kind === 'empty' ? undefined : now.revision;
  if (revision === before) return same('');
  const at = backup?.manifest.createdAt ?? '?';
  const restore = backup ? `npx tsx scripts/restore-prod.ts ${backup.dir}` : '-';
  return {
    en: `THE DATABASE STAYS MIGRATED (${before ?? '-'} → ${revision ?? '-'}): the old code was just seen healthy on it. The way back to the former schema loses everything written since ${at}: ${restore}. `,
    zh: `数据库保持已迁移状态 (${before ?? '-'} → ${revision ?? '-'}): 刚确认旧代码在新结构上健康. 如需恢复原结构, 将丢失 ${at} 之后写入的数据: ${restore}. `,
  };
}

/** Exact commands for a person when the old release could not be proved to serve. */
export function advice({ target, facts, switching, staging, backup }: HotRelease): Text[] {
  const id = facts.app.id.slice(0, 12);
  const lines: Text[] = [
    { en: `In ${target.dir}, by hand. What the container says:`, zh: `请在 ${target.dir} 中手工处理. 查看容器日志:` },
    same(`docker logs --tail 200 ${id}`),
    same(`docker exec ${id} supervisorctl status`),
  ];
  if (switching) {
    const commit = facts.running.proved?.commit.slice(0, 10);
    lines.push(
      {
        en: `The former files are kept in the container, in ${staging.saved}.`,
        zh: `原文件保存在容器内 ${staging.saved}.`,
      },
      ...given(commit, () => ({
        en: `The former release in a container of its own image, userdata kept: npx tsx scripts/rollback-prod.ts ${commit} --way image   Where it has none: git checkout ${commit} && npx tsx scripts/deploy-prod-all.ts --data keep`,
        zh: `用旧版本的镜像重建容器 (保留 userdata): npx tsx scripts/rollback-prod.ts ${commit} --way image   若没有镜像: git checkout ${commit} && npx tsx scripts/deploy-prod-all.ts --data keep`,
      })),
    );
  }
  if (backup) {
    lines.push({ en: `The database from before is safe in ${backup.dir}.`, zh: `更新前的数据库备份在 ${backup.dir}.` });
  }
  return lines;
}

const notBack = (wrong: readonly string[]) =>
  failed({
    en: `${wrong.length} files in the container are not as before: ${wrong.slice(0, 5).map(printable).join(', ')}`,
    zh: `容器中有 ${wrong.length} 个文件与之前不同: ${wrong.slice(0, 5).map(printable).join(', ')}`,
  });
