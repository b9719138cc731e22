import type { Step } from '../../core/step.ts';
import { humanBytes, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { describeHealth, type Health } from '../app/health.ts';
import { mountedUserdata } from '../app/userdata.ts';
import { holdCommands, releaseCommands } from '../hold/messages.ts';
import { bringBackApp, haltApp, keepUserdata, startNewApp, stopNewApp } from './app-container.ts';
import { createNew, discardNew, type Wanted } from './create.ts';
import type { Cutover } from './cutover.ts';

/** A container as the compose file has it, which is asked for a service of another name. */
export const created = (key: string, beside?: string): string =>
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

/** Whose requests wait is served all the same. */
const interrupting = ({ requests }: Cutover) => (requests.kind === 'holds' ? 'changes' : 'interrupts');

/** What can't be made is known before anything stops; what serves stays whole until the new is proved. */
export const createStep = (cutover: Cutover, wanted: Wanted): Step => ({
  id: 'create',
  title: {
    en: 'Make the new containers beside those that serve; nothing is started',
    zh: '在运行中的容器旁创建新容器 (不启动)',
  },
  risk: 'none',
  commands: wanted.roles.map((role) =>
    created(cutover.facts.stack.services[role].key, cutover.facts.containers[role]?.name),
  ),
  run: (ops) => createNew(ops, cutover, wanted),
  undo: (ops) => discardNew(ops, cutover),
});

/**
 * Stops the application and saves what only its container holds. From here on requests wait; where they can't, production is down, and
 * measured.
 *
 * @param savesLater userdata is saved beside the last backup, which takes longer.
 */
export function stopStep(cutover: Cutover, savesLater = false): Step | undefined {
  const { app } = cutover.facts.containers;
  if (app === undefined) return undefined;
  return {
    id: 'stop',
    title: savesLater
      ? { en: 'Stop the application', zh: '停止应用' }
      : { en: 'Stop the application and save its userdata', zh: '停止应用并保存 userdata' },
    risk: interrupting(cutover),
    commands: [
      ...holdCommands(cutover.requests),
      `docker stop ${app.id.slice(0, 12)}`,
      ...(savesLater ? [] : savingUserdata(cutover)),
    ],
    wayBack: { en: 'the same container is started again', zh: '重新启动原容器' },
    async run(ops) {
      await haltApp(ops, app, cutover);
      if (!savesLater) await keepUserdata(ops, cutover);
    },
    undo: (ops) => bringBackApp(ops, cutover),
  };
}

/** Starts what will serve, and waits until it does. */
export const startAppStep = (
  cutover: Cutover,
  title: Text,
): Step<{ readonly app: Container; readonly health: Health }> => ({
  id: 'start-app',
  title,
  risk: interrupting(cutover),
  commands: [
    ...(cutover.facts.containers.app ? [] : [created(cutover.facts.stack.services.app.key)]),
    `docker cp - <new>:${cutover.target.app.root} < userdata.tar`,
    ...inItsPlace(cutover.facts.containers.app?.name),
    ...releaseCommands(cutover.requests),
  ],
  wayBack: WHOLE,
  run: (ops) => startNewApp(ops, cutover),
  evidence: ({ health }) => describeHealth(health),
  undo: (ops) => stopNewApp(ops, cutover),
});

/** Commands that save what only the application's container holds. */
export function savingUserdata({ target, facts }: Cutover): (string | Text)[] {
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
