import { change } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import type { Facts } from '../../domain/restoration/facts.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import { type Pause, pauseContainer } from '../../tools/docker/pause.ts';

/**
 * Between these two an application that runs stands still: nothing is written to a database that is about to be put aside, and requests
 * wait.
 */
export function pauseSteps({ app }: Facts): { readonly pause?: Step; readonly resume?: Step } {
  if (app?.state !== 'running') return {};
  const container = app.id.slice(0, 12);
  let pause: Pause | undefined;
  /** Changes nothing when it goes on already. */
  const goOn = async (ops: Ops) => {
    await pause?.end();
    if ((await inspectContainer(ops, app.id)).state === 'paused') await run(ops, change(['docker', 'unpause', app.id]));
  };
  return {
    pause: {
      id: 'pause',
      title: { en: 'Pause the application: its requests wait', zh: '暂停应用, 期间请求等待' },
      risk: 'interrupts',
      commands: [`docker pause ${container}`],
      wayBack: {
        en: 'it goes on; also by itself, should this run be killed',
        zh: '恢复运行; 即使本次运行被强制终止也会自动恢复',
      },
      async run(ops) {
        pause = await pauseContainer(ops, app.id);
      },
      undo: goOn,
    },
    resume: {
      id: 'resume',
      title: { en: 'Let the application go on', zh: '恢复应用运行' },
      risk: 'none',
      commands: [`docker unpause ${container}`],
      run: goOn,
    },
  };
}
