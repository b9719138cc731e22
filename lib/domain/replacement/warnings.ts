import type { Target } from '../../core/target.ts';
import { printable, type Text } from '../../core/text.ts';
import { jobsTexts } from '../app/jobs.ts';
import { STATE_INSIDE } from '../app/state-inside.ts';
import { unnamedWarning } from '../images/running.ts';
import { explainBind } from '../stack/binds.ts';
import { composeSaid } from '../stack/compose-config.ts';
import type { EnvChange, Facts } from '../stack/deployment.ts';
import { type Brought, leftAloneWarnings } from '../stack/left-alone.ts';
import { changedNetworkText } from '../stack/networks.ts';
import { servedWarnings } from './served.ts';
import { staysStopped } from './stopped.ts';

/** What somebody should know beforehand. */
export interface Warning {
  readonly text: Text;
  readonly fix?: Text;
}

/** What a plan says of any new container, whatever it replaces the former one for. Pure. */
export function replacementWarnings(target: Target, facts: Facts, brought: Brought): Warning[] {
  const { stack, envChange, app, brokenBinds } = facts;
  return [
    ...stack.warnings.map((said) => ({ text: composeSaid(said) })),
    ...(envChange ? [envChanged(envChange)] : []),
    ...wasStopped(facts),
    ...(app?.unreachable?.certain === false ? [{ text: notPlainly(app.unreachable.why) }] : []),
    ...servedWarnings(facts).map((text) => ({ text })),
    ...jobsTexts(facts.jobs).map((text) => ({ text })),
    ...(app && app.image !== 'named' ? [{ text: unnamedWarning(app.image) }] : []),
    ...(app?.holdsState ? [{ text: STATE_INSIDE }] : []),
    ...brokenBinds.filter((b) => b.why === 'absent').map(explainBind),
    ...(facts.changedNetworks ?? []).map((network) => ({ text: changedNetworkText(network) })),
    ...leftAloneWarnings(target, stack, brought),
  ];
}

function wasStopped({ stopped, containers }: Facts): Warning[] {
  if (!stopped?.app || !containers.app) return [];
  const { run, moved } = stopped.app;
  if (moved) return [staysStopped(containers.app, moved)];
  return [
    {
      text: {
        en: `The application does not run: run ${run} stopped it and was killed. If this run fails, that very container is started again.`,
        zh: `应用未运行: 运行 ${run} 将其停止后被强制终止. 若本次运行失败, 将重新启动原容器.`,
      },
    },
  ];
}

const notPlainly = (why: Text): Text => ({ en: `userdata: ${why.en}.`, zh: `userdata: ${why.zh}.` });

function envChanged({ names, isKept }: EnvChange): Warning {
  const list = names.map(printable).join(', ');
  if (isKept) {
    return {
      text: {
        en: `.env was changed since the release that serves was started: ${list}. If this run fails, the former .env is put back with it, and the changed one is kept.`,
        zh: `当前版本启动之后 .env 有改动: ${list}. 若本次运行失败, 将同时恢复原来的 .env, 修改过的文件会保留.`,
      },
    };
  }
  return {
    text: {
      en: `.env or the compose file gives other variables than the container that serves was made with (${list}). The former .env is not kept here: going back would start that container with the present one.`,
      zh: `.env 或 compose 文件给出的变量与当前容器创建时不同 (${list}). 此处没有保存原来的 .env: 回退时旧容器会读到当前文件.`,
    },
    fix: {
      en: 'Keep the former .env at hand; from the next success on a copy is kept.',
      zh: '请备好原来的 .env; 下次部署成功后会自动保存副本.',
    },
  };
}
