import type { PlannedStep } from '../../core/step.ts';
import type { Target } from '../../core/target.ts';
import { printable } from '../../core/text.ts';
import { holdCommands, releaseCommands } from '../../domain/hold/messages.ts';
import { createStep, inItsPlace, interrupting, savingUserdata, WHOLE } from '../rebuild/planned-steps.ts';
import type { ImageWay } from './image-facts.ts';

/** The steps of going back to a kept image, in the order in which `lib/flows/rollback/carry-out.ts` does them. */
export function plannedSteps(target: Target, { facts, imageId, data, database, hold }: ImageWay): PlannedStep[] {
  const { app } = facts.stack.services;
  const old = facts.containers.app?.id.slice(0, 12);
  const name = printable(database.name);
  const repository = app.image.replace(/:[^:/]+$/, '');
  const steps: (PlannedStep | false)[] = [
    {
      id: 'keep',
      title: { en: 'Keep the image of what runs; name the former one', zh: '保留当前镜像, 并指定要回退的镜像' },
      risk: 'none',
      commands: [
        {
          en: `docker tag <image of ${app.key}> <${repository}:before-…>`,
          zh: `docker tag <${app.key} 当前镜像> <${repository}:before-…>`,
        },
        `docker tag ${imageId.slice(7, 19)} ${app.image}`,
      ],
      wayBack: { en: `${app.image} is pointed back`, zh: `${app.image} 重新指向当前镜像` },
    },
    data !== undefined && {
      id: 'restore',
      title: { en: 'Restore the backup beside what is in use, and compare it', zh: '将备份恢复到旁路数据库并逐项比对' },
      risk: 'none',
      commands: [
        {
          en: `CREATE DATABASE ${name}_restoring_…; pg_restore; compare every table`,
          zh: `CREATE DATABASE ${name}_restoring_…; pg_restore; 逐表比对`,
        },
      ],
      wayBack: { en: 'it is dropped', zh: '删除旁路数据库' },
    },
    {
      id: 'try',
      title: data
        ? { en: 'Try the old code on the restored data', zh: '在恢复的数据上试运行旧代码' }
        : { en: 'Try the old code on the present database', zh: '在当前数据库上试运行旧代码' },
      risk: 'none',
      commands: [
        `docker compose run ${app.key} <one-off>`,
        {
          en: `docker compose run ${app.key} <trial>  # entrypoint, nginx -t, gunicorn --check-config`,
          zh: `docker compose run ${app.key} <trial>  # 入口脚本, nginx -t, gunicorn --check-config`,
        },
        {
          en: `GET ${target.health.deep[0]}  # asked inside, no server`,
          zh: `GET ${target.health.deep[0]}  # 在容器内直接调用, 不启动服务`,
        },
      ],
      seconds: 10,
    },
    createStep(facts, ['app']),
    old !== undefined && {
      id: 'stop',
      title: { en: 'Stop the application and save its userdata', zh: '停止应用并保存 userdata' },
      risk: interrupting(hold),
      commands: [...holdCommands(hold), `docker stop ${old}`, ...savingUserdata(target, facts)],
      wayBack: { en: 'the same container is started again', zh: '重新启动原容器' },
    },
    data !== undefined && {
      id: 'swap',
      title: { en: 'Swap the databases’ names, in one transaction', zh: '在同一事务中交换数据库名称' },
      risk: 'changes',
      commands: [`ALTER DATABASE ${name} RENAME TO ${name}_before_…; ALTER DATABASE … RENAME TO ${name}`],
      wayBack: { en: 'the names are swapped back', zh: '再次交换名称' },
    },
    {
      id: 'start-app',
      title: { en: 'Start the former release and wait until it is healthy', zh: '启动旧版本并等待健康检查通过' },
      risk: interrupting(hold),
      commands: [
        `docker cp - <new>:${target.app.root} < userdata.tar`,
        ...inItsPlace(facts.containers.app?.name),
        ...releaseCommands(hold),
      ],
      wayBack: WHOLE,
    },
    {
      id: 'prove',
      title: { en: 'Prove it', zh: '逐项验证' },
      risk: 'none',
      commands: [
        {
          en: `GET ${target.health.basic}, ${target.health.deep[0]}; commit, image, schema revision`,
          zh: `GET ${target.health.basic}, ${target.health.deep[0]}; 提交, 镜像, 结构版本`,
        },
      ],
    },
  ];
  return steps.filter((s): s is PlannedStep => s !== false);
}
