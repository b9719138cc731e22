import { allEnded } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import { change, run } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import { same, type Text } from '../../core/text.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import type { Program } from '../app/programs.ts';
import { dropsWhenLeaving } from '../app/recycling.ts';
import { waitUntilServing } from '../app/serving.ts';
import { reloadIfPossible, reloadNginx } from '../app/site.ts';
import { reloadWorkers, replaceWorkers, restartProgram, succeedWorkers, waitUntilRuns } from '../app/workers.ts';
import type { HowHeld } from '../hold/hold.ts';
import { holdCommands, releaseCommands, takeInCommands } from '../hold/messages.ts';
import { graceOf } from '../replacement/replace.ts';
import type { Checked } from './check.ts';
import type { HotRelease } from './hot-release.ts';
import { noteWorkers } from './interrupted.ts';
import { heldMs, type Restart, restartedInSight } from './restart.ts';

/** Undone with the switch: the former files come first. */
export function restartStep(update: HotRelease): Step<void, [Checked, number]> {
  const { facts, plan } = update;
  const { web } = facts.programs;
  const n = facts.workers;
  const emptied = dropsWhenLeaving(web)
    ? {
        en: `kill -STOP <old workers, each when it holds no connection>; `,
        zh: `kill -STOP <旧 worker, 待其上无连接时>; `,
      }
    : same('');
  const inSight = restartedInSight(facts, plan.ways).length > 0;
  const beside = [
    ...(inSight ? takeInCommands(plan.hold) : []),
    ...facts.programs.companions.map(({ name }) =>
      plan.ways.get(name) === 'succession'
        ? {
            en: `kill -TERM <worker of ${name}>  # its socket stays open`,
            zh: `kill -TERM <${name} 的 worker>  # 监听 socket 保持打开`,
          }
        : `supervisorctl restart ${name}`,
    ),
    ...(inSight ? releaseCommands(plan.hold) : []),
  ];
  return {
    id: 'restart',
    title: restartTitle(plan.restart),
    risk: plan.restart.kind === 'container' && plan.hold.kind === 'plain' ? 'interrupts' : 'changes',
    commands: {
      rolling: [
        {
          en: `kill -TTIN <${web.name}> × ${n}; <all booted>; ${emptied.en}kill -TTOU × ${n}`,
          zh: `kill -TTIN <${web.name}> × ${n}; <全部启动后>; ${emptied.zh}kill -TTOU × ${n}`,
        },
        ...beside,
        'nginx -t && nginx -s reload',
      ],
      reload: [
        { en: `${emptied.en}kill -HUP <${web.name}>`, zh: `${emptied.zh}kill -HUP <${web.name}>` },
        ...beside,
        'nginx -t && nginx -s reload',
      ],
      container: [
        ...holdCommands(plan.hold),
        `docker restart ${facts.app.id.slice(0, 12)}`,
        ...releaseCommands(plan.hold),
      ],
    }[plan.restart.kind],
    wayBack: { en: 'the same way, with the former files', zh: '换回原文件后以同样方式重启' },
    run: (ops, checked, since) => restart(ops, update, checked, since),
  };
}

function restartTitle({ kind, why }: Restart): Text {
  const what = {
    rolling: { en: 'Replace the workers', zh: '逐批替换 worker' },
    reload: { en: 'Reload gunicorn', zh: '重新加载 gunicorn' },
    container: { en: 'RESTART THE CONTAINER', zh: '重启容器' },
  }[kind];
  return { en: `${what.en}: ${why.en}`, zh: `${what.zh}: ${why.zh}` };
}

/** Has every process run the new code. @param since when the files were in place. */
async function restart(ops: Ops, update: HotRelease, checked: Checked, since: number): Promise<void> {
  const { facts } = update;
  const { container } = update.staging;
  if (checked.restart.kind === 'container') return restartContainer(ops, update);
  const { web } = facts.programs;
  const others = facts.programs.companions;
  const succeeds = ({ name }: Program) => checked.ways.get(name) === 'succession';
  const restarted = others.filter((p) => !succeeds(p));
  const led = new Set(restartedInSight(facts, checked.ways).map(({ program }) => program));
  const inSight = restarted.filter((p) => led.has(p.name));
  const outOfSight = restarted.filter((p) => !led.has(p.name));
  const reload = checked.restart.kind === 'reload';
  update.workers = reload ? checked.workers : facts.workers;
  noteWorkers(ops, facts, update.workers);
  // Beside one another, and each to its end: undoing must not begin while the other is still at it.
  await allEnded([
    reload
      ? reloadWorkers(ops, container, web, checked.workers)
      : replaceWorkers(ops, container, web, { wanted: facts.workers, since }),
    ...others.filter(succeeds).map((program) => succeedWorkers(ops, container, program, since)),
    restartAll(ops, container, outOfSight),
  ]);
  await reloadNginx(ops, container);
  if (inSight.length > 0) await restartHeld(ops, update, inSight);
}

async function restartAll(ops: Ops, container: string, programs: readonly Program[]): Promise<void> {
  for (const program of programs) await restartProgram(ops, container, program);
}

/**
 * Restarts programs that nginx leads people to. All requests wait meanwhile, at a port nobody can tell whom one is for; but not for longer than
 * {@link heldMs}.
 *
 * @param how.isBack on the way back it has to be done, whether or not requests can be held.
 */
export async function restartHeld(
  ops: Ops,
  { staging: { container }, hold, plan }: HotRelease,
  programs: readonly Program[],
  how?: Pick<HowHeld, 'isBack'>,
): Promise<void> {
  const app = await inspectContainer(ops, container);
  await hold.begin(ops, app, how);
  const restarting = (async () => {
    // A reload lets go of connections that are kept, on which a request could still come.
    if (hold.holding) await reloadIfPossible(ops, container);
    if (!(await hold.restart(ops, app, programs))) return restartAll(ops, container, programs);
    for (const program of programs) await waitUntilRuns(ops, container, program);
  })();
  const limit = new AbortController();
  const ended = restarting.catch(() => undefined);
  await Promise.race([ended, ops.clock.sleep(heldMs(plan.hold), limit.signal).catch(() => undefined)]);
  limit.abort();
  try {
    await hold.release(ops, app);
  } finally {
    await restarting;
  }
}

/** @param how as with {@link restartHeld}. */
export async function restartContainer(
  ops: Ops,
  { staging: { container: id }, hold, facts }: HotRelease,
  how?: Pick<HowHeld, 'isBack'>,
): Promise<void> {
  const before = await inspectContainer(ops, id);
  await hold.begin(ops, before, { ...how, drains: true });
  await hold.drain(ops, before, (atOnce) => {
    const grace = atOnce ? 0 : graceOf('app', before);
    const argv = ['docker', 'restart', '-t', String(grace), id];
    return run(ops, change(argv, { deadlineMs: (grace + 60) * 1000 }));
  });
  const app = await inspectContainer(ops, id);
  await waitUntilServing(ops, app, hold, facts.served);
  await hold.release(ops, app);
}
