import type { Reason } from '../../core/refusal.ts';
import type { Target } from '../../core/target.ts';
import { humanBytes } from '../../core/text.ts';
import { mountedUserdata } from '../app/userdata.ts';
import { foreignVolumes } from '../data/claim.ts';
import { explainBind } from '../stack/binds.ts';
import { notPlannable } from '../stack/create-service.ts';
import type { Facts } from '../stack/deployment.ts';
import { explain } from '../stack/ports.ts';
import { type DataChoice, misplacedData, unreadable } from './data-refusals.ts';

/** What is in the way of any new container, whatever it is replaced for. Pure. */
export const replacementRefusals = (target: Target, facts: Facts, data: DataChoice): Reason[] => [
  ...composeRefusals(target, facts, data === 'delete' ? STORES : STORES.filter(isMade(facts))),
  ...otherRefusals(target, facts, data),
  ...unreadable(facts, data),
];

const STORES = ['postgres', 'redis'] as const;

const isMade =
  ({ containers, storesOutdated }: Facts) =>
  (role: (typeof STORES)[number]): boolean =>
    containers[role] === undefined || storesOutdated.includes(role);

/**
 * What the compose file asks for can't be had, or leads away from the data.
 *
 * @param stores those whose containers are made anew, beside the application's.
 */
export const composeRefusals = (target: Target, facts: Facts, stores: readonly (typeof STORES)[number][]): Reason[] => [
  ...containerRefusals(facts, stores),
  ...misplacedData(target, facts),
];

/** The first half of it. */
export const containerRefusals = (facts: Facts, stores: readonly (typeof STORES)[number][]): Reason[] => [
  ...notPlannable((['app', ...stores] as const).map((role) => facts.stack.services[role])),
  ...foreignVolumes(facts.stack, facts.volumes),
  ...facts.unusablePorts.map(explain),
  ...facts.brokenBinds.filter((b) => b.why !== 'absent').map(explainBind),
];

/** Whatever the new container is made of. */
export const otherRefusals = (target: Target, facts: Facts, data: DataChoice): Reason[] => [
  ...(data === 'keep' && typeof facts.login === 'object' ? [noLogin(facts.login.error)] : []),
  ...noRoom(target, facts),
];

const noLogin = (error: string): Reason => ({
  text: {
    en: `PostgreSQL does not let the application log in over TCP, and a password would not change that: ${error}`,
    zh: `应用无法经 TCP 登录 PostgreSQL, 且与密码无关: ${error}`,
  },
  fix: {
    en: 'Compare POSTGRES_USER and POSTGRES_DB in .env with the server, and look at its log.',
    zh: '请核对 .env 中的 POSTGRES_USER 与 POSTGRES_DB, 并查看数据库日志.',
  },
});

/** What is mounted is not saved. */
export function noRoom(target: Target, { app, containers, freeBytes }: Facts): Reason[] {
  const bytes = app?.userdataBytes ?? 0;
  const { userdata } = target.app;
  if (bytes <= freeBytes || mountedUserdata(target, containers.app?.mounts ?? []).includes(userdata)) return [];
  const [size, free] = [humanBytes(bytes), humanBytes(freeBytes)];
  return [
    {
      text: {
        en: `userdata has ${size} and is saved while production is down; ${free} of disk are free.`,
        zh: `停机期间需要保存 userdata (${size}), 但磁盘仅剩 ${free}.`,
      },
      fix: {
        en: 'Make room: npx tsx scripts/backup-prod.ts list, docker system df',
        zh: '请先释放空间: npx tsx scripts/backup-prod.ts list, docker system df',
      },
    },
  ];
}
