import { isDeepStrictEqual } from 'node:util';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { askHealth } from '../../domain/app/ask-health.ts';
import { describeHealth } from '../../domain/app/health.ts';
import { watchFromOutside } from '../../domain/hold/downtime.ts';
import { requestHold } from '../../domain/hold/hold.ts';
import { holdCommands, releaseCommands } from '../../domain/hold/messages.ts';
import {
  bringBackApp,
  haltApp,
  keepUserdata,
  startNewApp,
  stopNewApp,
} from '../../domain/replacement/app-container.ts';
import { healthEvidence } from '../../domain/replacement/container-health.ts';
import { createNew, discardNew } from '../../domain/replacement/create.ts';
import { removeOneOff, tryImage } from '../../domain/replacement/one-off.ts';
import type { PutAside } from '../../domain/replacement/state.ts';
import { advice, proveAsBefore } from '../../domain/replacement/undo.ts';
import type { Recovery } from '../../runs/steps/steps.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { type Definition, definitionOf, variablesOf } from '../../tools/docker/definition.ts';
import type { Facts } from './facts.ts';
import { giveNameBack, type KeptCode, keepCode } from './image.ts';
import { type Proven, proveEnv } from './prove.ts';
import { namesText } from './refusals.ts';

const WHOLE: Text = {
  en: 'the very container that served is started again, with the .env that it had',
  zh: '重新启动原容器, 并恢复其原有的 .env',
};

/** One run: its steps in their order, and what speaks for it when one of them fails. Nothing happens yet. */
export function begin(ops: Ops, facts: Facts) {
  const { deployed, hold } = facts;
  const requests = requestHold(hold);
  const aside: PutAside = { archives: new Map(), hold: requests };
  const { app } = deployed.containers;
  const outside = watchFromOutside(ops, { app: deployed.app?.serving ? app : undefined, hold });
  const { key, image } = deployed.stack.services.app;
  const name = app?.name ?? key;
  const risk = hold.kind === 'holds' ? 'changes' : 'interrupts';
  let named: string | undefined;

  const keep: Step<KeptCode> = {
    id: 'keep',
    title: { en: 'Make sure that an image has exactly the code that runs', zh: '确保镜像与正在运行的代码完全一致' },
    risk: 'none',
    commands: [
      {
        en: `docker commit ${name} <…>  # only if it was hot-updated`,
        zh: `docker commit ${name} <…>  # 仅当做过热更新`,
      },
      `docker tag <…> ${image}`,
    ],
    wayBack: { en: `${image} is pointed back`, zh: `${image} 重新指向原镜像` },
    async run(o) {
      const kept = await keepCode(o, deployed, aside);
      named = kept.named;
      return kept;
    },
    undo: (o) => giveNameBack(o, deployed, named),
  };

  const tryIt: Step<Text> = {
    id: 'try',
    title: {
      en: 'Try it with the new .env: create the application, ask its health, start all but what would serve',
      zh: '用新的 .env 试运行: 创建应用、检查健康, 并试运行启动过程 (不提供服务)',
    },
    risk: 'none',
    commands: [`docker compose run ${key} <one-off>`, `docker compose run ${key} <trial>`],
    seconds: 10,
    async run(o) {
      const { oneOff } = await tryImage(o, deployed, undefined);
      const health = await askHealth(o, oneOff);
      if (!health.healthy) throw new OpsError({ kind: 'failed', what: describeHealth(health) });
      return describeHealth(health);
    },
    evidence: (said) => said,
    undo: (o) => removeOneOff(o, deployed),
  };

  const create: Step<readonly string[]> = {
    id: 'create',
    title: {
      en: 'Make the new container beside the one that serves; nothing is started',
      zh: '在运行中的容器旁创建新容器 (不启动)',
    },
    risk: 'none',
    commands: [`docker compose up --no-start ${key}-template; POST /containers/create?name=${name}-next-…`],
    async run(o) {
      await createNew(o, deployed, aside, { roles: ['app'] });
      const [former, next] = [aside.formers?.app?.definition, aside.replaced?.app?.next];
      return former && next ? differences(former, await definitionOf(o, next)) : [];
    },
    evidence: (parts) =>
      parts.length === 0
        ? { en: 'nothing of it differs but the file .env', zh: '除 .env 文件外无差异' }
        : { en: `differs in ${namesText(parts)}`, zh: `差异: ${namesText(parts)}` },
    undo: (o) => discardNew(o, aside),
  };

  const stop: Step = {
    id: 'stop',
    title: { en: 'Stop the application and save its userdata', zh: '停止应用并保存 userdata' },
    risk,
    commands: [...holdCommands(hold), `docker stop ${name}`],
    wayBack: WHOLE,
    async run(o) {
      if (app === undefined) return;
      await haltApp(o, app, aside, outside);
      await keepUserdata(o, deployed, aside);
    },
    undo: (o) => bringBackApp(o, deployed, aside),
  };

  const start: Step<Awaited<ReturnType<typeof startNewApp>>> = {
    id: 'start-app',
    title: { en: 'Start it with the new .env and wait until it is healthy', zh: '以新的 .env 启动并等待健康检查通过' },
    risk,
    commands: [
      `docker rename ${name} ${name}-before-…`,
      `docker rename ${name}-next-… ${name}`,
      `docker start ${name}`,
      ...releaseCommands(hold),
    ],
    wayBack: WHOLE,
    run: (o) => startNewApp(o, deployed, aside),
    evidence: healthEvidence,
    undo: (o) => stopNewApp(o, deployed, aside),
  };

  const prove: Step<Proven, [Container, string]> = {
    id: 'prove',
    title: { en: 'Prove it', zh: '逐项验证' },
    risk: 'none',
    commands: [
      {
        en: `GET ${ops.target.health.basic}, ${ops.target.health.deep[0]}; variables, commit, image, data`,
        zh: `GET ${ops.target.health.basic}, ${ops.target.health.deep[0]}; 变量, 提交, 镜像, 数据`,
      },
    ],
    run: (o, now, imageId) => proveEnv(o, facts, now, imageId),
    evidence: ({ text }) => text,
  };

  const recovery: Recovery = {
    prove: (o) => proveAsBefore(o, deployed, aside, outside),
    advice: () => advice(ops, deployed, aside),
  };
  return { steps: { keep, try: tryIt, create, stop, start, prove }, recovery, outside, aside };
}

/** What of a container is another than before: variables by name, the rest by the engine's words for its parts. */
export function differences(former: Definition, next: Definition): string[] {
  const [was, is] = [variablesOf(former), variablesOf(next)];
  const variables = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => was[name] !== is[name]);
  const { Env: _, Image: __, Hostname: ___, Labels: ____, ...config } = former.Config;
  const rest: Readonly<Record<string, unknown>> = next.Config;
  const parts = Object.entries(config).filter(([part, value]) => !isDeepStrictEqual(value, rest[part]));
  const [hostWas, hostIs] = [former.HostConfig, next.HostConfig] as Readonly<Record<string, unknown>>[];
  const hosts = Object.keys({ ...hostWas, ...hostIs }).filter(
    (part) => !isDeepStrictEqual(hostWas?.[part], hostIs?.[part]),
  );
  return [...variables, ...parts.map(([part]) => part), ...hosts];
}
