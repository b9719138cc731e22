import { describeHealth, endpointsOf, waitForHealth } from '../app/health.ts';
import { OpsError } from '../errors.ts';
import type { Ops } from '../host/ops.ts';
import { identify, requireSameData } from '../postgres/identity.ts';
import { findContainers } from '../target/containers.ts';
import { loginOf } from '../target/database.ts';
import { same, type Text } from '../text.ts';
import type { Facts } from './facts.ts';
import type { OutsideView } from './outside.ts';
import type { PutAside } from './put-aside.ts';
import { outageText } from './talk.ts';

/**
 * Proves after undoing that production is what it was before the run.
 *
 * @throws {OpsError} when it is not; its text says what is missing.
 */
export async function proveAsBefore(ops: Ops, facts: Facts, aside: PutAside, outside: OutsideView): Promise<Text> {
  const proof = await asBefore(ops, facts, aside);
  const outage = await outside.stop();
  if (outage === undefined) return proof;
  const down = outageText(outage);
  return { en: `${proof.en}. Production was down: ${down.en}`, zh: `${proof.zh}. 服务实际中断: ${down.zh}` };
}

async function asBefore(ops: Ops, facts: Facts, aside: PutAside): Promise<Text> {
  const before = facts.containers.app;
  const { app, postgres } = await findContainers(ops, facts.stack);
  if (!aside.removed && facts.database.kind === 'running' && postgres?.state === 'running') {
    const { name, user } = loginOf(facts.stack);
    const identity = await identify(ops, { container: postgres, name, user });
    requireSameData(facts.database.identity, identity, { untouched: true, renamed: [name] });
  }
  if (before === undefined) {
    if (app !== undefined) throw notBack({ en: `${app.name} is still there`, zh: `${app.name} 仍然存在` });
    return FIRST_INSTALL;
  }
  if (app === undefined) throw notBack({ en: 'there is no application container', zh: '没有应用容器' });
  if (app.id !== before.id && app.imageId !== aside.previous?.id) {
    throw notBack({ en: 'the application runs another image than before', zh: '应用运行的镜像与之前不同' });
  }
  if (before.state !== 'running' || !facts.app?.serving) {
    return {
      en: 'As before: the application did not serve before this run either.',
      zh: '与之前一致: 本次运行之前应用也未正常服务.',
    };
  }
  const health = await waitForHealth(ops, endpointsOf(ops.target, app), app, {
    deadlineMs: ops.target.bootSeconds * 1000,
  });
  const said = describeHealth(health);
  return {
    en: `Everything is as before, and the old release serves: ${said.en}`,
    zh: `一切与之前一致, 旧版本正常服务: ${said.zh}`,
  };
}

const FIRST_INSTALL: Text = {
  en: 'Nothing ran before and nothing of the application runs now. Volumes that this run created stay; the next run goes on from there.',
  zh: '运行之前没有部署, 现在应用也未运行. 本次创建的数据卷保留, 下次运行将继续.',
};

/** Exact commands for a person when bringing back failed. */
export function advice(ops: Ops, facts: Facts, aside: PutAside): Text[] {
  const compose = `docker compose -f ${ops.target.composeFile}`;
  const { app, postgres, redis } = facts.stack.services;
  const lines: Text[] = [
    { en: `In ${ops.target.dir}, by hand:`, zh: `请在 ${ops.target.dir} 中手工执行:` },
    same(`${compose} up -d --no-deps ${postgres.key} ${redis.key}`),
  ];
  if (aside.backup) {
    lines.push({
      en: `The data is safe in ${aside.backup.dir}.`,
      zh: `数据完好保存在 ${aside.backup.dir}.`,
    });
  }
  const former = facts.app?.commit;
  if (former !== undefined && former !== facts.checkout.commit) {
    const checkout = `git checkout ${former} -- ${ops.target.composeFile}`;
    lines.push({
      en: `${checkout}   # only if the compose file changed: the old container was made with the one of that commit`,
      zh: `${checkout}   # 仅当 compose 文件有改动时需要: 旧容器是用该提交的文件创建的`,
    });
  }
  if (aside.previous) lines.push(same(`docker tag ${aside.previous.reference} ${app.image}`));
  if (aside.userdata) {
    lines.push(
      same(`${compose} up --no-start --no-deps --no-build ${app.key}`),
      same(`docker cp - $(${compose} ps -aq ${app.key}):${ops.target.app.root} < ${aside.userdata.file}`),
    );
  }
  lines.push(same(`${compose} up -d --no-deps --no-build ${app.key}`));
  return lines;
}

const notBack = (why: Text) =>
  new OpsError({
    kind: 'command',
    what: { en: why.en, zh: why.zh },
  });
