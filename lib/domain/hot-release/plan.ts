import { type Reason, throwIfAny } from '../../core/refusal.ts';
import type { Target } from '../../core/target.ts';
import { given, printable, same, type Text } from '../../core/text.ts';
import { jobsTexts } from '../app/jobs.ts';
import { downTexts, type Program } from '../app/programs.ts';
import { recyclesTogether, recyclingCure, recyclingText } from '../app/recycling.ts';
import { servedTexts } from '../app/routes.ts';
import { exampleTexts } from '../env/example.ts';
import { stampStays } from '../env/stamp.ts';
import type { HoldFacts } from '../hold/survey.ts';
import { takenAsTheyLie } from '../release/artefact-stages.ts';
import { hiddenText, keepHidden } from '../release/hidden.ts';
import { midwayText } from '../release/midway.ts';
import { busyReason } from '../release/reset-errors.ts';
import { runningWarnings } from '../release/running.ts';
import { wrongStamp } from '../schema/migrate.ts';
import { composeSaid } from '../stack/compose-config.ts';
import type { EnvChange } from '../stack/deployment.ts';
import { leftAloneWarnings } from '../stack/left-alone.ts';
import { type Facts, migratesNothing } from './facts.ts';
import type { UpdateOptions } from './options.ts';
import { chooseRestart, heldMs, restartedInSight, type Ways, wayOf } from './restart.ts';

/** The ways are told as far as they can be before the new release was tried; what is found then is not harder. */
export interface UpdatePlan extends Ways {
  /** What becomes of requests when the container is restarted, or a program that nginx leads people to. */
  readonly hold: HoldFacts;
  readonly warnings: readonly Text[];
}

/**
 * Every policy of a hot update. Pure.
 *
 * @returns `undefined` when what runs already is what would run, and nothing else is asked for.
 * @throws {OpsError} `precondition` with all reasons at once when this must not be hot-updated.
 */
export function planUpdate(
  target: Target,
  facts: Facts,
  options: UpdateOptions,
  hold: HoldFacts = UNASKED,
): UpdatePlan | undefined {
  const { put, remove, inTheWay } = facts.files;
  const sameFiles = put.length === 0 && remove.length === 0 && facts.copies.length === 0;
  const sameCommit = facts.running.certain && facts.running.commit === facts.source.commit;
  const isForward = options.direction === 'forward';
  const unfinished = isOwed(facts) || (facts.pending && isForward);
  const isAsked = options.bake || options.syncSite;
  if (sameFiles && sameCommit && !unfinished && !isAsked && facts.stale.length === 0) return undefined;
  throwIfAny([
    ...rebuildNeeded(facts, options.syncSite ? target.release.site.from : undefined),
    ...unseen(facts.programs.all),
    ...hiding(target, facts),
    ...blocked(inTheWay),
    ...inProgress(facts),
    ...(isForward && !migratesNothing(facts) ? wrongStamp(facts.schema) : []),
    ...(options.syncSite ? withoutSite(target, facts) : []),
  ]);
  const restart = chooseRestart(options.restart, facts, target.app.root);
  const ways = new Map(facts.programs.companions.map((p) => [p.name, wayOf(p, facts, target.app.root)] as const));
  const warnings = [
    ...(restart.kind === 'container' ? [] : restartedInSight(facts, ways).map((led) => restarted(led, hold))),
    ...(restart.kind === 'container'
      ? []
      : facts.programs.companions.filter((p) => ways.get(p.name) === 'restart').flatMap(endsLate)),
    ...warningsOf(facts),
    ...(isForward && facts.schema.kind === 'unversioned' ? [UNSTAMPED] : []),
    ...takenAsTheyLie(facts.artefacts),
    ...envTexts(target, facts),
    ...leftAlone(target, facts, options),
  ];
  return { restart, ways, hold, warnings };
}

/** A run that was cut short has left something that is not finished. */
const isOwed = ({ outdated, cutShort, pendingRestart }: Facts): boolean =>
  outdated || cutShort.staging || pendingRestart !== undefined;

const LONG_SECONDS = 60;

function endsLate({ name, stopSeconds = 0 }: Program): Text[] {
  if (stopSeconds < LONG_SECONDS) return [];
  const what = printable(name);
  return [
    {
      en: `${what} has ${stopSeconds} s to end what it is at (stopwaitsecs) before it is started with the release: this may take as long.`,
      zh: `${what} 有 ${stopSeconds} 秒完成手头的工作 (stopwaitsecs), 之后才以新版本启动: 更新可能因此持续同样长的时间.`,
    },
  ];
}

function restarted({ program, path }: Facts['served']['led'][number], hold: HoldFacts): Text {
  const [name, at] = [printable(program), printable(path)];
  if (hold.kind === 'plain') {
    return {
      en: `${name} is restarted: requests to ${at} fail until it has booted again (${hold.why.en}).`,
      zh: `${name} 将被重启: 重新启动完成之前, 对 ${at} 的请求会失败 (${hold.why.zh}).`,
    };
  }
  const seconds = heldMs(hold) / 1000;
  const except = hold.withoutIpv6
    ? { en: '; over IPv6 nobody waits: no ip6tables', zh: '; IPv6 请求不等待: 没有 ip6tables' }
    : same('');
  return {
    en: `${name} is restarted: all requests wait until it has booted again, ${seconds} s at most; only from then on those to ${at} fail${except.en}.`,
    zh: `${name} 将被重启: 所有请求等待其重新启动完成, 最长 ${seconds} 秒; 超过后只有对 ${at} 的请求会失败${except.zh}.`,
  };
}

const UNASKED: HoldFacts = { kind: 'plain', why: { en: 'the container is not restarted', zh: '不重启容器' } };

const REBUILD: Text = {
  en: 'This needs a new image: npx tsx scripts/deploy-prod-all.ts --data keep (after `git pull`)',
  zh: '需要构建新镜像: 先 git pull, 再执行 npx tsx scripts/deploy-prod-all.ts --data keep',
};

/** What the image has nginx's site from is put there on request. */
const rebuildNeeded = (facts: Facts, unless: string | undefined): Reason[] =>
  facts.rebuildReasons
    .filter(({ path }) => path !== unless)
    .map(({ path, why, fix = REBUILD }) => ({
      text: { en: `${printable(path)}: ${why.en}`, zh: `${printable(path)}: ${why.zh}` },
      fix,
    }));

const unseen = (all: readonly Program[]): Reason[] =>
  all
    .filter((p) => p.changesUser)
    .map(({ name }) => ({
      text: {
        en: `${printable(name)}: gunicorn itself makes its workers another user (user in its configuration), and nobody in the container can see then whether they serve.`,
        zh: `${printable(name)}: gunicorn 自行切换 worker 的用户 (其配置中的 user), 容器内无法判断 worker 是否可用.`,
      },
      fix: {
        en: `Have supervisord start it as that user instead (user= of the program), or: ${REBUILD.en}`,
        zh: `请改由 supervisord 以该用户启动 (程序的 user=), 或全量重建: ${REBUILD.zh}`,
      },
    }));

const hiding = (target: Target, { hidden }: Facts): Reason[] =>
  hidden.filter((h) => !h.isKept).map((h) => ({ text: hiddenText(h), fix: keepHidden(target, h) }));

const blocked = (inTheWay: readonly string[]): Reason[] =>
  inTheWay.map((path) => ({
    text: {
      en: `${printable(path)} in the container is not from git and is in the way of the new release.`,
      zh: `容器中的 ${printable(path)} 不是来自 git, 且与新版本的文件冲突.`,
    },
    fix: { en: 'Move it away in the container, or make a full rebuild.', zh: '请在容器内将其移走, 或执行全量重建.' },
  }));

const inProgress = ({ local }: Facts): Reason[] =>
  local.inProgress === undefined ? [] : [busyReason(local.inProgress)];

function withoutSite({ release: { site } }: Target, { tree, source }: Facts): Reason[] {
  return given(!tree.has(site.from) && source.commit.slice(0, 10), (commit) => ({
    text: {
      en: `${commit} has no ${site.from}, so there is no nginx site to use at once.`,
      zh: `${commit} 中没有 ${site.from}, 没有可立即启用的 nginx 站点配置.`,
    },
    fix: { en: 'Leave out --sync-nginx-site-config.', zh: '请去掉 --sync-nginx-site-config.' },
  }));
}

const leftAlone = (target: Target, { stack }: Facts, { bake }: UpdateOptions): Text[] =>
  leftAloneWarnings(target, stack, bake ? 'built' : 'files').map((w) => w.text);

/** Without the former `.env` only what compose makes of both files can be compared. */
function envChanged({ names, isKept }: EnvChange): Text {
  const list = names.map(printable).join(', ');
  return isKept
    ? { en: `.env was changed since the container was made: ${list}.`, zh: `创建容器之后 .env 有改动: ${list}.` }
    : {
        en: `.env or the compose file gives other variables than the container was made with: ${list}.`,
        zh: `.env 或 compose 文件给出的变量与创建容器时不同: ${list}.`,
      };
}

/** What of `.env` this leaves undone. */
function envTexts(target: Target, { envChange, example }: Facts): Text[] {
  const changed = envChange && envChanged(envChange);
  return [
    ...(example ? exampleTexts(target.envExample, example) : []),
    ...stampStays(target),
    ...given(changed, ({ en, zh }) => ({
      en: `${en} A hot update does not bring that to what runs; this does: npx tsx scripts/apply-env.ts`,
      zh: `${zh} 热更新不会使其生效, 请另行执行: npx tsx scripts/apply-env.ts`,
    })),
  ];
}

function warningsOf(facts: Facts): Text[] {
  const { stack, hidden, running, files, cutShort, programs, served, jobs, midway, workers } = facts;
  const warnings = [...stack.warnings.map(composeSaid), ...hidden.map(hiddenText)];
  if (isOwed(facts)) {
    const runs = cutShort.releases.map((m) => printable(m.run)).join(', ') || '-';
    warnings.push({
      en: `An earlier run was cut short (${runs}): what it left is replaced now, every file and every process.`,
      zh: `之前的运行未完成即终止 (${runs}): 其遗留的文件与进程将在本次全部替换.`,
    });
  }
  warnings.push(...servedTexts(served), ...downTexts(programs.all), ...jobsTexts(jobs));
  if (running.commit === undefined) {
    warnings.push({
      en: 'The repository does not have the commit that runs: files which the new release no longer has will stay.',
      zh: '仓库中没有当前运行的提交, 新版本已删除的文件将会保留在容器中.',
    });
  }
  if (!running.certain) {
    warnings.push({
      en: 'The container does not say which commit it runs; its files tell. Only files with exactly the content of that commit will be removed.',
      zh: '容器没有记录当前运行的提交, 按其文件推断; 只会删除内容与该提交完全一致的旧文件.',
    });
  }
  warnings.push(...runningWarnings(running.code, running.released));
  if (files.handEdited.length > 0) {
    const some = files.handEdited.slice(0, 5).map(printable).join(', ');
    warnings.push({
      en: `Changed by hand in the container, and replaced now (kept in the run's directory): ${some}`,
      zh: `容器内被手工修改过的文件将被替换 (原文件保存在运行目录): ${some}`,
    });
  }
  if (midway.length > 0) warnings.push(midwayText(midway));
  const recycling = recyclesTogether(programs.web, workers);
  if (recycling) {
    const [what, cure] = [recyclingText(recycling), recyclingCure(recycling)];
    warnings.push({
      en: `The ${workers} new workers will be of one age; ${what.en}. ${cure.en}`,
      zh: `${workers} 个新 worker 的启动时间几乎相同; ${what.zh}. ${cure.zh}`,
    });
  }
  return warnings;
}

const UNSTAMPED: Text = {
  en: 'The database has no Alembic stamp; one that fits its tables will be set.',
  zh: '数据库没有 Alembic 版本标记, 将按表结构推断后写入.',
};
