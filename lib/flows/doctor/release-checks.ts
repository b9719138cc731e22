import path from 'node:path';
import type { Drift } from '../../adhoc/environment.ts';
import { given } from '../../core/text.ts';
import { asked } from '../../domain/app/vitals.ts';
import { runningText } from '../../domain/release/running.ts';
import { type Check, checksOf, fail, nameOf, WELL, warn } from './check.ts';
import { count, inside, line, list, ours, t, type } from './words.ts';

const check = checksOf('release');
const short = (commit: string) => commit.slice(0, 10);

/** What the next start will do to it: `+` it comes, `-` it goes. */
function signOf({ container, process }: Drift): string {
  const how = process === '-' || process === 'same' ? container : process;
  return how === 'missing' ? '+' : how === 'extra' ? '-' : '';
}

export const releaseChecks: readonly Check[] = [
  check({
    id: 'release.schema',
    title: t('database and code are of the same revision', '数据库结构与代码版本一致'),
    meaning: t(
      'Pending: pages that need the new columns answer 500. Unknown: the database was migrated by newer code than runs, and going back needs a backup.',
      '待迁移: 依赖新字段的页面返回 500. 未知版本: 数据库由更新的代码迁移过, 回退需要使用备份.',
    ),
    ask: ['schema'],
    judge({ schema: { revision, head, known } }) {
      if (revision === head) return WELL;
      if (revision === undefined) {
        return fail(
          t('the database has no revision', '数据库没有版本记录'),
          ours('deploy-prod-all.ts --data keep --plan'),
        );
      }
      return known
        ? fail(
            t(
              `the database is at ${line(revision)}, the code at ${head}`,
              `数据库为 ${line(revision)}, 代码为 ${head}`,
            ),
            ours('update-prod-flask.ts --plan'),
          )
        : fail(
            t(
              `the code has no migration ${line(revision)}; its newest is ${head}`,
              `代码中没有迁移 ${line(revision)}, 其最新为 ${head}`,
            ),
            ours('rollback-prod.ts list'),
          );
    },
  }),
  check({
    id: 'release.by-hand',
    when: 'next-restart',
    title: t('the container’s files are those of a commit', '容器内文件与某个提交一致'),
    meaning: t(
      'Somebody changed files in the container. A container made anew does not have the change.',
      '有人在容器内改过文件, 重建容器后改动会丢失.',
    ),
    ask: ['running'],
    judge({ running }, facts) {
      if (running.commit !== undefined || running.nearest === undefined) return WELL;
      const is = runningText(running);
      return warn(
        is,
        type('docker', 'diff', nameOf(facts, 'app') ?? '?'),
        t(
          'Bring it into the repository and release it, or discard it: npx tsx scripts/update-prod-flask.ts',
          '请提交到仓库并发布, 或用发布覆盖: npx tsx scripts/update-prod-flask.ts',
        ),
      );
    },
  }),
  check({
    id: 'release.git',
    when: 'next-restart',
    title: t('what is checked out is what runs', '检出的提交与运行的提交一致'),
    meaning: t(
      'A rebuild makes what is checked out, not what runs now.',
      '重建使用的是检出的提交, 而不是当前运行的版本.',
    ),
    explains: ['env.example'],
    ask: ['running', 'checkout'],
    judge({ running: { commit }, checkout }) {
      if (commit === undefined || commit === checkout.commit) return WELL;
      return warn(
        t(
          `runs ${short(commit)}, checked out is ${short(checkout.commit)} ${line(checkout.subject, 60)}`,
          `运行的是 ${short(commit)}, 检出的是 ${short(checkout.commit)} ${line(checkout.subject, 60)}`,
        ),
        ours('update-prod-flask.ts --plan'),
        ours('rollback-prod.ts list'),
      );
    },
  }),
  check({
    id: 'release.checkout',
    when: 'next-restart',
    title: t('nothing in the deploy directory is changed and uncommitted', '部署目录没有未提交的改动'),
    meaning: t(
      'An image is built from the commit alone: what is changed here is in no release, and the former shell scripts would discard it.',
      '镜像只从提交构建: 这些改动不会进入任何发布, 旧的 shell 脚本还会丢弃它们.',
    ),
    ask: ['checkout', 'at'],
    judge({ checkout: { changed }, at }) {
      const tracked = changed.filter((c) => !c.startsWith('??'));
      return tracked.length === 0
        ? WELL
        : warn(
            t(
              `${tracked.length}: ${list(tracked.map((c) => c.slice(3)))}`,
              `${tracked.length} 个: ${list(tracked.map((c) => c.slice(3)))}`,
            ),
            type('git', '-C', at.target.dir, 'status'),
          );
    },
  }),
  check({
    id: 'release.bytecode',
    title: t('no byte code runs that no source has', '没有脱离源码的字节码'),
    meaning: t(
      'Python runs it as if it were part of the release: code that was deleted, or that is older than its source, and that nobody can read.',
      'Python 会把它当作发布内容执行: 已删除或早于源码的代码, 而且无法阅读.',
    ),
    ask: ['vitals'],
    judge({ vitals }, facts) {
      const found = asked(vitals.bytecode);
      if (found === undefined || found.count === 0) return WELL;
      return warn(
        t(`${found.count} files, such as ${list(found.some, 2)}`, `${found.count} 个文件, 如 ${list(found.some, 2)}`),
        inside(nameOf(facts, 'app'), 'rm', ...found.some),
        t(
          'They go from memory when workers are replaced: npx tsx scripts/update-prod-flask.ts',
          '替换 worker 后才会从内存中消失: npx tsx scripts/update-prod-flask.ts',
        ),
      );
    },
  }),
  check({
    id: 'release.frontend',
    title: t('the pages are not older than their sources', '前端页面不早于其源码'),
    meaning: t(
      'The front end was changed, and not built: visitors have the old pages with the new backend.',
      '前端源码已更新但未构建: 访问者看到的是旧页面配新后端.',
    ),
    ask: ['vitals', 'frontend', 'at', 'checkout', 'running'],
    judge({ vitals, frontend: { changed, current }, at, checkout, running }) {
      const pages = asked(vitals.pages);
      // Only of the commit that runs: what is not released yet has not to be built.
      if (!pages || changed === undefined || running.commit !== checkout.commit) return WELL;
      const { to: artefact, stage } = at.target.release.artefacts[0] ?? { to: '' };
      if (!pages.index)
        return fail(
          t(`${artefact}/index.html is missing`, `缺少 ${artefact}/index.html`),
          ours('deploy-prod-all.ts --data keep --plan'),
        );
      if (current || pages.changed === null) return WELL;
      // Times are a guess: a build cache keeps what it once made, and a commit may bring back what was there before.
      if (current === undefined && pages.changed >= changed) return WELL;
      const [built, wanted] = [pages.changed, changed].map((s) => new Date(s * 1000).toISOString().slice(0, 16));
      const of = short(checkout.commit);
      return warn(
        current === undefined
          ? t(`built ${built}, sources changed ${wanted}`, `构建于 ${built}, 源码修改于 ${wanted}`)
          : t(`built from other sources than those of ${of}`, `构建所用的源码与 ${of} 不同`),
        t(
          `npx tsx scripts/update-prod-flask.ts  # builds stage ${stage ?? '-'}; without one, run npm run build in ${path.posix.dirname(artefact)} first`,
          `npx tsx scripts/update-prod-flask.ts  # 自动构建 ${stage ?? '-'} 阶段; 若无此阶段, 请先在 ${path.posix.dirname(artefact)} 执行 npm run build`,
        ),
      );
    },
  }),
  check({
    id: 'env.readable',
    when: 'next-restart',
    title: t('compose, the start script and this tool read .env alike', 'compose、启动脚本与本工具对 .env 的解读一致'),
    meaning: t(
      'A line means something else to the start script than to compose, or is executed by it: the next start has another value, or fails.',
      '某行在启动脚本与 compose 中含义不同, 甚至会被执行: 下次启动会得到不同的值, 或启动失败.',
    ),
    ask: ['env'],
    explains: ['env.drift', 'env.rules', 'database.login-next', 'redis.login-next'],
    judge({ env }) {
      if (env.kind === 'absent')
        return fail(t('there is no .env', '没有 .env 文件'), ours('deploy-prod-all.ts --data keep --plan'));
      if (env.kind === 'unreadable') return fail(env.why);
      return [...env.findings, ...env.comparedWithCompose].map((f) => {
        const where = [f.variable, f.line > 0 ? `.env:${f.line}` : '.env'].filter(Boolean).join(' ');
        const seen = { en: `${where}: ${f.cause.en}`, zh: `${where}: ${f.cause.zh}` };
        const open = /chmod 600/.test(f.cause.en);
        return f.severity === 'error' ? fail(seen) : warn(seen, ...(open ? [type('chmod', '600', '.env')] : []));
      });
    },
  }),
  check({
    id: 'env.rules',
    when: 'next-restart',
    title: t('.env has all that the application demands', '.env 满足应用的全部要求'),
    meaning: t(
      'The application checks its configuration when it starts, and ends when a rule is broken.',
      '应用启动时会校验配置, 不满足则退出.',
    ),
    ask: ['env'],
    judge: ({ env }) =>
      env.kind !== 'present'
        ? WELL
        : env.problems.map((p) => fail({ en: `${p.variable} ${p.rule.en}`, zh: `${p.variable} ${p.rule.zh}` })),
  }),
  check({
    id: 'env.drift',
    when: 'next-restart',
    title: t('.env is the one that the application was started with', '.env 与应用启动时一致'),
    meaning: t(
      '.env was edited since. The change counts from the next start on; nobody has seen yet whether it works with it.',
      '.env 在启动之后被修改过, 改动在下次启动时才生效, 是否可用尚未验证.',
    ),
    ask: ['drift'],
    judge({ drift }) {
      const names = drift.map((d) => `${signOf(d)}${d.name}`);
      return names.length === 0
        ? WELL
        : warn(
            t(`${count(names.length, 'variable')}: ${list(names)}`, `${names.length} 个变量: ${list(names)}`),
            ours('adhoc/env-drift.ts'),
            t(
              'Have it take effect, tried before and with a way back: npx tsx scripts/deploy-prod-all.ts --data keep',
              '使其生效 (会先试运行, 且可回退): npx tsx scripts/deploy-prod-all.ts --data keep',
            ),
          );
    },
  }),
  check({
    id: 'env.example',
    when: 'next-restart',
    title: t('.env has every variable of the release’s example', '.env 包含示例文件中的全部变量'),
    meaning: t(
      'The release knows variables that .env does not have. The application takes its defaults for them, or ends.',
      '该版本使用了 .env 中没有的变量, 应用会使用默认值, 或因缺失而退出.',
    ),
    ask: ['example', 'at'],
    judge: ({ example: { missing }, at }) =>
      missing.length === 0
        ? WELL
        : warn(
            t(`not in .env: ${list(missing)}`, `.env 中缺少: ${list(missing)}`),
            t(
              `See ${at.target.envExample}; an empty line NAME= is enough where the default is meant.`,
              `参见 ${at.target.envExample}; 使用默认值时写一行 NAME= 即可.`,
            ),
          ),
  }),
  check({
    id: 'env.secrets',
    title: t('no secret can be guessed', '密钥不易被猜到'),
    meaning: t(
      'Whoever reaches a port or reads the public repository gets in.',
      '任何能访问端口或看过公开仓库的人都可能登录.',
    ),
    ask: ['example'],
    judge: ({ example: { unchanged, weak } }) => [
      ...given(unchanged.length > 0, () =>
        fail(
          t(`still the example’s value: ${list(unchanged)}`, `仍为示例中的值: ${list(unchanged)}`),
          t(
            'openssl rand -base64 24 makes one; then npx tsx scripts/deploy-prod-all.ts --data keep',
            '可用 openssl rand -base64 24 生成, 然后: npx tsx scripts/deploy-prod-all.ts --data keep',
          ),
        ),
      ),
      ...given(weak.length > 0, () =>
        warn(
          t(`short, or a common word: ${list(weak)}`, `过短或为常见词: ${list(weak)}`),
          t(
            'openssl rand -base64 24 makes one; then npx tsx scripts/deploy-prod-all.ts --data keep. Never change PASSWORD_ENCRYPTION_KEY on an existing database.',
            '可用 openssl rand -base64 24 生成, 然后: npx tsx scripts/deploy-prod-all.ts --data keep. 已有数据时切勿更换 PASSWORD_ENCRYPTION_KEY.',
          ),
        ),
      ),
    ],
  }),
];
