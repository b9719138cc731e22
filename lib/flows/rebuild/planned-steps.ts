import { asTyped, type Command } from '../../core/command.ts';
import type { PlannedStep } from '../../core/step.ts';
import type { Target } from '../../core/target.ts';
import { humanBytes, type Text } from '../../core/text.ts';
import { mountedUserdata } from '../../domain/app/userdata.ts';
import { holdCommands, releaseCommands } from '../../domain/hold/messages.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import type { ExistingVolume } from '../../domain/stack/containers.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import { build, pull, runDetached } from '../../tools/docker/compose.ts';

interface Choice {
  readonly data: 'keep' | 'delete';
  readonly deletes: readonly ExistingVolume[];
  readonly replaces: readonly ServiceRole[];
  readonly backup: boolean;
  readonly hold: HoldFacts;
}

/** Measured on a miniature database: dump, restore and comparison of a gigabyte take about this long. */
const SECONDS_PER_GIGABYTE = 30;

/** A container as the compose file has it, which is asked for a service of another name. */
const created = (key: string, beside?: string): string =>
  `docker compose up --no-start ${key}-template; POST /containers/create?name=${beside ? `${beside}-next-…` : key}`;

/** The new container takes the place of the former one, if there is one. */
export const inItsPlace = (former: string | undefined): string[] => [
  ...(former ? [`docker rename ${former} ${former}-before-…`, `docker rename ${former}-next-… ${former}`] : []),
  `docker start ${former ?? '<new>'}`,
];

export const WHOLE: Text = {
  en: 'the very container that served is started again, with all that is in it',
  zh: '原容器完整保留, 直接重新启动',
};

export const createStep = ({ stack, containers }: Facts, roles: readonly ServiceRole[]): PlannedStep => ({
  id: 'create',
  title: {
    en: 'Make the new containers beside those that serve; nothing is started',
    zh: '在运行中的容器旁创建新容器 (不启动)',
  },
  risk: 'none',
  commands: roles.map((role) => created(stack.services[role].key, containers[role]?.name)),
});

/** Whose requests wait is served all the same. */
export const interrupting = (hold: HoldFacts): 'changes' | 'interrupts' =>
  hold.kind === 'holds' ? 'changes' : 'interrupts';

/** The steps of a full rebuild, in the order in which `scripts/deploy-prod-all.ts` does them. */
export function plannedSteps(target: Target, facts: Facts, choice: Choice): PlannedStep[] {
  const { postgres, redis, app } = facts.stack.services;
  const db = facts.database;
  const backupSeconds = db.kind === 'running' ? Math.ceil(3 + (db.bytes / 1e9) * SECONDS_PER_GIGABYTE) : undefined;
  const deleting = choice.data === 'delete' && choice.deletes.length > 0;
  // As typed in the deploy directory, whose name would otherwise fill the screen.
  const typed = ({ argv }: Command) =>
    asTyped(argv)
      .replaceAll(` --project-directory ${asTyped([target.dir])}`, '')
      .replaceAll(asTyped([`${target.dir}/${target.composeFile}`]), target.composeFile);
  // Before a deletion it is saved beside the last backup, which takes longer.
  const savesLater = deleting && choice.backup;
  const saveUserdata = savingUserdata(target, facts);
  const repository = app.image.replace(/:[^:/]+$/, '');
  const ids = Object.values(facts.containers).map((c) => c.id.slice(0, 12));

  const steps: (PlannedStep | false)[] = [
    {
      id: 'build',
      title: { en: 'Build the new image; what runs goes on serving', zh: '构建新镜像 (期间现有服务继续运行)' },
      replaces: 'build_production_image',
      risk: 'none',
      commands: [
        {
          en: typed(pull(target, ['<missing images only>'])),
          zh: typed(pull(target, ['<仅缺失的镜像>'])),
        },
        {
          en: `docker tag <image of ${app.key}> <${repository}:before-…>`,
          zh: `docker tag <${app.key} 当前镜像> <${repository}:before-…>`,
        },
        `git archive ${facts.checkout.commit.slice(0, 10)} | tar -x -C <context>`,
        typed(build(target, app.key, [], { override: '<context>' })),
      ],
      wayBack: { en: `${app.image} is pointed back at the present image`, zh: `${app.image} 重新指向当前镜像` },
    },
    {
      id: 'try',
      title: {
        en: 'Try the new image: create the application, and start all of it but what would serve',
        zh: '试运行新镜像: 创建应用, 并试运行启动过程 (不提供服务)',
      },
      risk: 'none',
      commands: [
        typed(runDetached(target, app.key, { name: '<one-off>', argv: ['sleep', '86400'] })),
        'docker exec <one-off> flask db heads',
        `docker cp <file> <one-off>:${target.app.root}`,
        {
          en: `${typed(runDetached(target, app.key, { name: '<trial>', mounts: ['<trial of all programs>:<supervisord>'] }))}  # entrypoint, nginx -t, gunicorn --check-config`,
          zh: `${typed(runDetached(target, app.key, { name: '<trial>', mounts: ['<各程序的试运行>:<supervisord>'] }))}  # 入口脚本, nginx -t, gunicorn --check-config`,
        },
      ],
      seconds: 10,
    },
    choice.backup && {
      id: 'backup',
      title: { en: 'Back up the database and prove it by a restore', zh: '备份数据库, 并通过实际恢复验证' },
      risk: 'none',
      commands: [
        `docker exec ${postgres.key} pg_dump -Fc --snapshot=<id> > <backup>/dump`,
        {
          en: 'docker run --network none <the same image>; pg_restore; compare every table',
          zh: 'docker run --network none <同一镜像>; pg_restore; 逐表比对',
        },
      ],
      ...(backupSeconds === undefined ? {} : { seconds: backupSeconds }),
    },
    deleting && {
      id: 'prepare',
      title: {
        en: 'Prepare the new database aside: initialise, migrate, seed, admin',
        zh: '旁路准备新数据库: 初始化、迁移、写入种子数据、创建管理员',
      },
      risk: 'none',
      commands: [
        {
          en: `docker run --network <of its own> --network-alias ${postgres.key} ${postgres.image}`,
          zh: `docker run --network <独立网络> --network-alias ${postgres.key} ${postgres.image}`,
        },
        'docker exec <one-off> flask db upgrade; psql over TCP',
        { en: 'docker cp <its data> - > prepared-database.tar', zh: 'docker cp <其数据> - > prepared-database.tar' },
      ],
      seconds: 10,
    },
    choice.replaces.length > 0 && createStep(facts, choice.replaces),
    facts.containers.app !== undefined && {
      id: 'stop',
      title: savesLater
        ? { en: 'Stop the application', zh: '停止应用' }
        : { en: 'Stop the application and save its userdata', zh: '停止应用并保存 userdata' },
      replaces: 'stop_existing_services',
      risk: interrupting(choice.hold),
      commands: [
        ...holdCommands(choice.hold),
        `docker stop ${facts.containers.app.id.slice(0, 12)}`,
        ...(savesLater ? [] : saveUserdata),
      ],
      wayBack: { en: 'the same container is started again', zh: '重新启动原容器' },
    },
    (choice.backup || deleting) && {
      id: 'final-backup',
      title: deleting
        ? {
            en: 'Back up all of it again now that nothing writes: the backup that counts',
            zh: '应用停止写入后再次完整备份 (以此份为准)',
          }
        : { en: 'Back up again if a migration is pending', zh: '存在待执行迁移时, 再次备份' },
      risk: savesLater ? 'interrupts' : 'none',
      commands: savesLater
        ? [
            {
              en: `as in backup; docker stop ${postgres.key} as soon as it is read`,
              zh: `同备份步骤; 读取完毕立即 docker stop ${postgres.key}`,
            },
            ...saveUserdata,
            {
              en: `docker stop ${redis.key}; docker cp ${redis.key}:<its volume> - > volume.tar`,
              zh: `docker stop ${redis.key}; docker cp ${redis.key}:<其数据卷> - > volume.tar`,
            },
          ]
        : [{ en: 'as in backup', zh: '同备份步骤' }],
      ...(savesLater ? { wayBack: { en: 'both are started again', zh: '重新启动这两个服务' } } : {}),
      ...(backupSeconds === undefined ? {} : { seconds: backupSeconds }),
    },
    deleting && {
      id: 'remove',
      title: { en: 'Delete the consented volumes', zh: '删除已确认的数据卷' },
      replaces: 'cleanup_old_data',
      risk: 'deletes',
      commands: [`docker rm -f -v ${ids.join(' ')}`, `docker volume rm ${choice.deletes.map((v) => v.name).join(' ')}`],
      loses: {
        en: choice.deletes.map((v) => `${v.name} (${v.createdAt})`).join(', '),
        zh: choice.deletes.map((v) => `${v.name} (${v.createdAt})`).join(', '),
      },
      wayBack: { en: 'restored from the backup that counts', zh: '从最终备份恢复' },
    },
    {
      id: 'start-stores',
      title: { en: 'Start PostgreSQL and Redis and wait until they answer', zh: '启动 PostgreSQL 与 Redis, 等待就绪' },
      replaces: 'start_base_services',
      risk: facts.storesCurrent ? 'none' : 'interrupts',
      commands: deleting
        ? [
            created(postgres.key),
            created(redis.key),
            `docker cp - <new ${postgres.key}>:… < prepared-database.tar`,
            { en: 'docker start <both>', zh: 'docker start <两个服务>' },
          ]
        : (['postgres', 'redis'] as const).flatMap((role) =>
            choice.replaces.includes(role)
              ? inItsPlace(facts.containers[role]?.name)
              : [`docker start ${facts.stack.services[role].key}`],
          ),
      wayBack: WHOLE,
    },
    {
      id: 'connection',
      title: {
        en: 'Log in as the application will; close the database to strangers',
        zh: '以应用身份登录数据库, 并确保外部无法免密访问',
      },
      replaces: 'fix_postgresql_connection',
      risk: 'none',
      commands: deleting
        ? [
            {
              en: 'as it was in prepare, with the same files; proved from outside at the end',
              zh: '沿用旁路准备时的配置文件; 最后从外部验证',
            },
          ]
        : [
            {
              en: 'psql over TCP; ALTER ROLE … PASSWORD over the socket only if the password differs; never trust',
              zh: 'psql 经 TCP 登录; 仅在密码不一致时经本地 socket 执行 ALTER ROLE … PASSWORD; 绝不使用 trust',
            },
          ],
    },
    {
      id: 'migrate',
      title: { en: 'Bring the schema to the newest revision', zh: '将数据库结构升级到最新版本' },
      replaces: 'initialize_database',
      risk: 'none',
      commands: [
        'docker exec <one-off> flask db upgrade',
        {
          en: `psql < ${target.seed}  # only when the database was empty`,
          zh: `psql < ${target.seed}  # 仅当数据库为空`,
        },
      ],
      wayBack: { en: 'the database is restored beside and swapped in', zh: '恢复到旁路数据库后切换' },
    },
    {
      id: 'admin',
      title: { en: 'Create the user admin if there is none', zh: '若不存在管理员账号 admin 则创建' },
      replaces: 'initialize_admin_account',
      risk: 'none',
      commands: [
        {
          en: 'docker exec -i <one-off> python -  # asks the application',
          zh: 'docker exec -i <one-off> python -  # 由应用自身查询',
        },
      ],
    },
    {
      id: 'start-app',
      title: { en: 'Start the new application and wait until it is healthy', zh: '启动新应用并等待健康检查通过' },
      replaces: 'start_flask_application',
      risk: interrupting(choice.hold),
      commands: [
        ...(facts.containers.app ? [] : [created(app.key)]),
        `docker cp - <new>:${target.app.root} < userdata.tar`,
        ...inItsPlace(facts.containers.app?.name),
        ...releaseCommands(choice.hold),
      ],
      wayBack: WHOLE,
    },
    {
      id: 'prove',
      title: { en: 'Prove it', zh: '逐项验证' },
      replaces: 'verify_deployment',
      risk: 'none',
      commands: [
        { en: 'docker exec <new> <its own health check>', zh: 'docker exec <new> <容器自身的健康检查>' },
        `GET ${target.health.basic}`,
        `GET ${target.health.deep.join(' | ')}`,
        {
          en: 'GET / with its scripts and styles, one route of each program that nginx leads to',
          zh: 'GET / 及页面引用的脚本与样式, nginx 转发到的每个程序各一个路由',
        },
        {
          en: 'PostgreSQL wire probe, wrong password, table count, commit, image',
          zh: 'PostgreSQL 协议探测, 错误密码, 表数量, 提交, 镜像',
        },
      ],
    },
  ];
  return steps.filter((s): s is PlannedStep => s !== false);
}

/** Commands that save what only the application's container holds. */
export function savingUserdata(target: Target, facts: Facts): (string | Text)[] {
  const { app } = facts.containers;
  const { userdata } = target.app;
  if (app === undefined) return [];
  const mounted = mountedUserdata(target, app.mounts);
  const size = humanBytes(facts.app?.userdataBytes ?? 0);
  const copy = `docker cp ${app.id.slice(0, 12)}:${userdata} - > userdata.tar  # ${size}`;
  return [
    ...(mounted.includes(userdata) ? [] : [copy]),
    ...mounted.map((at) => ({ en: `# ${at} is mounted: left alone`, zh: `# ${at} 为挂载目录, 不改动` })),
  ];
}
