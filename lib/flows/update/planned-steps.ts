import type { PlannedStep } from '../../core/step.ts';
import type { Target } from '../../core/target.ts';
import type { Text } from '../../core/text.ts';
import { holdCommands, releaseCommands } from '../../domain/hold/messages.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import type { Facts } from './facts.ts';
import type { UpdateOptions } from './options.ts';
import { type Restart, schedulerWay } from './restart.ts';

/** The steps of a hot update, in the order in which `scripts/update-prod-flask.ts` does them. */
export function plannedSteps(
  target: Target,
  facts: Facts,
  options: UpdateOptions & { readonly holds: HoldFacts },
  restart: Restart,
): PlannedStep[] {
  const { holds } = options;
  const { root } = target.app;
  const app = facts.app.id.slice(0, 12);
  const { web, scheduler, others } = facts.programs;
  const successions = [
    ...(scheduler
      ? [
          schedulerWay(facts, root, undefined) === 'succession'
            ? {
                en: `kill -TERM <worker of ${scheduler.name}>  # its socket stays open`,
                zh: `kill -TERM <${scheduler.name} 的 worker>  # 监听 socket 保持打开`,
              }
            : `supervisorctl restart ${scheduler.name}`,
        ]
      : []),
    ...others.map(({ name }) => `supervisorctl restart ${name}`),
  ];
  const short = facts.source.commit.slice(0, 10);
  const forward = options.direction === 'forward';
  const oneTransaction = facts.midway.length === 0;
  const n = facts.workers;
  const artefacts = facts.stale.map(({ to }) => to).join(', ');
  const andBuilt: Text =
    artefacts === ''
      ? { en: '', zh: '' }
      : { en: `; ${artefacts} as it is built`, zh: `; ${artefacts} 以构建结果为准` };
  const steps: (PlannedStep | false)[] = [
    !facts.local.none && {
      id: 'save-local',
      title: {
        en: 'Save local changes of the deploy directory under a git ref',
        zh: '将部署目录的本地修改保存为 git 引用',
      },
      risk: 'none',
      commands: [
        {
          en: 'git update-ref refs/whalefall-ops/saved/<run> <commit of the changes>',
          zh: 'git update-ref refs/whalefall-ops/saved/<run> <包含本地修改的提交>',
        },
      ],
    },
    facts.stale.length > 0 && {
      id: 'build',
      title: {
        en: `Build ${artefacts}, while production serves`,
        zh: `构建 ${artefacts}, 期间生产环境正常服务`,
      },
      risk: 'none',
      commands: facts.stale.flatMap(({ from, to, stage }) => [
        {
          en: `docker compose build ${facts.stack.services.app.key}  # stage ${stage}, from ${from} at ${short}`,
          zh: `docker compose build ${facts.stack.services.app.key}  # 构建阶段 ${stage}, 源码为 ${short} 的 ${from}`,
        },
        `docker cp <${stage}>:… ${to}`,
      ]),
    },
    {
      id: 'stage',
      title: { en: 'Copy the release into the container, beside what runs', zh: '将新版本复制到容器内的独立目录' },
      replaces: 'sync_code',
      risk: 'none',
      commands: [`git archive ${short} | docker exec -i ${app} tar -x -C ${root}/.whalefall-staging/…`],
    },
    {
      id: 'check',
      title: { en: 'Compile it, test its gunicorn and nginx configuration', zh: '编译, 并检查 gunicorn 与 nginx 配置' },
      risk: 'none',
      commands: [
        {
          en: 'gunicorn <as the web program>  # its configuration; before a migration with --check-config',
          zh: 'gunicorn <与 web 程序相同的参数>  # 读取其配置; 有迁移时加 --check-config',
        },
        { en: 'nginx -t <the site as the next start renders it>', zh: 'nginx -t <下次启动时将渲染的站点配置>' },
      ],
    },
    forward && {
      id: 'backup',
      title:
        options.backup === 'always'
          ? { en: 'Back up the database and prove it by a restore', zh: '备份数据库, 并通过实际恢复验证' }
          : { en: 'Back up the database if a migration is pending', zh: '若有待执行的迁移, 先备份数据库并验证' },
      risk: 'none',
      commands: [
        { en: 'pg_dump …; restored in a throwaway server and compared', zh: 'pg_dump …; 在临时实例中恢复并比对' },
      ],
    },
    forward && {
      id: 'migrate',
      title: { en: 'Bring the schema to the newest revision', zh: '将数据库结构升级到最新版本' },
      replaces: 'run_migrations',
      risk: 'changes',
      commands: [
        {
          en: `docker exec ${app} flask db upgrade  # the staged code, lock_timeout${oneTransaction ? ', one transaction' : ''}`,
          zh: `docker exec ${app} flask db upgrade  # 使用暂存的新代码, 设 lock_timeout${oneTransaction ? ', 单一事务' : ''}`,
        },
      ],
      wayBack: {
        en: 'the backup; the old code is checked on the new schema',
        zh: '备份; 并检查旧代码在新结构上是否正常',
      },
    },
    {
      id: 'canary',
      title: {
        en: 'Boot the release on a private socket and ask its health',
        zh: '在私有 socket 上试运行新版本并检查健康',
      },
      risk: 'none',
      commands: [
        {
          en: 'gunicorn --bind unix:… --workers 1  # no scheduler',
          zh: 'gunicorn --bind unix:… --workers 1  # 不启动调度器',
        },
        { en: `GET ${target.health.deep[0]}  # several times`, zh: `GET ${target.health.deep[0]}  # 连续多次` },
      ],
    },
    {
      id: 'switch',
      title: { en: `Put the release in place in ${root}`, zh: `在 ${root} 中切换到新版本` },
      replaces: 'sync_code',
      risk: 'changes',
      commands: [
        {
          en: `${facts.files.put.length} files by a rename each, ${facts.files.remove.length} removed${andBuilt.en}`,
          zh: `逐个 rename 替换 ${facts.files.put.length} 个文件, 删除 ${facts.files.remove.length} 个${andBuilt.zh}`,
        },
        ...facts.copies.map(({ from, to }) => `${from} → ${to}`),
      ],
      wayBack: { en: 'the former files, by the same renames', zh: '以同样方式换回原文件' },
    },
    {
      id: 'restart',
      title: restartTitle(restart),
      replaces: 'restart_services',
      risk: restart.kind === 'container' && holds.kind === 'plain' ? 'interrupts' : 'changes',
      commands: {
        rolling: [
          {
            en: `kill -TTIN <${web.name}> × ${n}; <all booted>; kill -TTOU × ${n}`,
            zh: `kill -TTIN <${web.name}> × ${n}; <全部启动后>; kill -TTOU × ${n}`,
          },
          ...successions,
          'nginx -t && nginx -s reload',
        ],
        reload: [`kill -HUP <${web.name}>`, ...successions, 'nginx -t && nginx -s reload'],
        container: [...holdCommands(holds), `docker restart ${app}`, ...releaseCommands(holds)],
      }[restart.kind],
      wayBack: { en: 'the same way, with the former files', zh: '换回原文件后以同样方式重启' },
    },
    {
      id: 'prove',
      title: { en: 'Prove it', zh: '逐项验证' },
      replaces: 'verify_deployment',
      risk: 'none',
      commands: [
        { en: 'every file is the commit’s, every worker is new', zh: '所有文件与提交一致, 所有 worker 均为新进程' },
        {
          en: `GET ${target.health.basic}, ${target.health.deep[0]}; for ${options.soakMs / 1000} s`,
          zh: `GET ${target.health.basic}, ${target.health.deep[0]}; 持续 ${options.soakMs / 1000} 秒`,
        },
      ],
      seconds: Math.ceil(options.soakMs / 1000) + 1,
    },
    {
      id: 'settle',
      title: { en: 'Record the release, bring the deploy directory to it', zh: '记录发布, 并将部署目录同步到该提交' },
      risk: 'changes',
      commands: [
        `git reset --hard ${short}`,
        ...(options.bake ? [`docker compose -f ${target.composeFile} build ${facts.stack.services.app.key}`] : []),
      ],
    },
  ];
  return steps.filter((s): s is PlannedStep => s !== false);
}

function restartTitle({ kind, why }: Restart): Text {
  const what = {
    rolling: { en: 'Replace the workers', zh: '逐批替换 worker' },
    reload: { en: 'Reload gunicorn', zh: '重新加载 gunicorn' },
    container: { en: 'RESTART THE CONTAINER', zh: '重启容器' },
  }[kind];
  return { en: `${what.en}: ${why.en}`, zh: `${what.zh}: ${why.zh}` };
}
