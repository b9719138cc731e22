import type { Ops } from '../../core/ops.ts';
import { commandFailed } from '../../core/refusal.ts';
import { same, type Text } from '../../core/text.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { identify, requireSameData } from '../../tools/postgres/identity.ts';
import { describeHealth } from '../app/health.ts';
import { outageText } from '../hold/downtime.ts';
import { findAllContainers, findContainers, properName, standbyRole } from '../stack/containers.ts';
import type { Facts } from '../stack/deployment.ts';
import { loginOf, type ServiceRole, type Stack } from '../stack/stack.ts';
import { bringBackApp } from './app-container.ts';
import type { Cutover } from './cutover.ts';
import { describeFormer, giveBack, givenBackByHand } from './replace.ts';
import { waitUntilHealthy } from './served.ts';
import { isToRun, staysStopped } from './stopped.ts';

/**
 * Proves after undoing that production is what it was before the run.
 *
 * @throws {OpsError} when it is not; its text says what is missing.
 */
export async function proveAsBefore(ops: Ops, cutover: Cutover): Promise<Text> {
  const proof = await asBefore(ops, cutover);
  const outage = await cutover.downtime.stop();
  if (outage === undefined) return proof;
  const down = outageText(outage);
  return { en: `${proof.en}. Production was down: ${down.en}`, zh: `${proof.zh}. 服务实际中断: ${down.zh}` };
}

async function asBefore(ops: Ops, cutover: Cutover): Promise<Text> {
  const { facts, removed, previous } = cutover;
  const before = facts.containers.app;
  await startStoresAgain(ops, facts);
  let { app, postgres } = await findContainers(ops, facts.stack);
  if (!removed && facts.database.kind === 'running' && postgres?.state === 'running') {
    const { name, user } = loginOf(facts.stack);
    const identity = await identify(ops, { container: postgres, name, user });
    requireSameData(facts.database.identity, identity, { untouched: true, renamed: [name] });
  }
  if (before === undefined) {
    if (app !== undefined) throw notBack({ en: `${app.name} is still there`, zh: `${app.name} 仍然存在` });
    return FIRST_INSTALL;
  }
  if (app === undefined) throw notBack({ en: 'there is no application container', zh: '没有应用容器' });
  if (app.id !== before.id && app.imageId !== previous?.id) {
    throw notBack({ en: 'the application runs another image than before', zh: '应用运行的镜像与之前不同' });
  }
  const stopped = facts.stopped?.app;
  if (stopped?.moved) {
    const { text, fix } = staysStopped(app, stopped.moved);
    return { en: `As before: ${text.en} ${fix.en}`, zh: `与之前一致: ${text.zh} ${fix.zh}` };
  }
  if (stopped && app.state !== 'running') app = await startAgain(ops, cutover, app);
  if (!stopped && !(before.state === 'running' && facts.app?.serving)) {
    return {
      en: 'As before: the application did not serve before this run either.',
      zh: '与之前一致: 本次运行之前应用也未正常服务.',
    };
  }
  const said = describeHealth(await waitUntilHealthy(ops, app));
  return {
    en: `Everything is as before, and the old release serves: ${said.en}`,
    zh: `一切与之前一致, 旧版本正常服务: ${said.zh}`,
  };
}

/** Where this run never came to stop them: what a killed run had stopped. */
async function startStoresAgain(ops: Ops, { stack, stopped }: Facts): Promise<void> {
  for (const role of ['postgres', 'redis'] as const) {
    const store = (await findContainers(ops, stack))[role];
    if (stopped?.[role] === undefined || store === undefined || store.state === 'running') continue;
    const former = await describeFormer(ops, role, store);
    await giveBack(ops, stack, { role, former, next: await successorOf(ops, stack, role, store) });
  }
}

/** The same of the application, with all that belongs to it: the killed run may have set another password. */
async function startAgain(ops: Ops, cutover: Cutover, app: Container): Promise<Container> {
  const former = await describeFormer(ops, 'app', app);
  const next = await successorOf(ops, cutover.facts.stack, 'app', app);
  cutover.formers = { ...cutover.formers, app: former };
  if (next) cutover.replaced = { ...cutover.replaced, app: { role: 'app', former, name: properName(app.name), next } };
  cutover.stopping = true;
  await bringBackApp(ops, cutover);
  return inspectContainer(ops, app.id);
}

/** What a killed run had put in its place. */
async function successorOf(ops: Ops, stack: Stack, role: ServiceRole, { id }: Container): Promise<string | undefined> {
  const all = (await findAllContainers(ops, stack))[role];
  return all.find((c) => c.id !== id && standbyRole(c) !== 'before')?.id;
}

const FIRST_INSTALL: Text = {
  en: 'Nothing ran before and nothing of the application runs now. Volumes that this run created stay; the next run goes on from there.',
  zh: '运行之前没有部署, 现在应用也未运行. 本次创建的数据卷保留, 下次运行将继续.',
};

/**
 * Exact commands for a person when bringing back failed. They start what was there, by id: whatever the compose file and the checkout
 * say now.
 */
export function advice(cutover: Cutover): Text[] {
  const { target, facts, formers, replaced, removed, backup, previous, userdata } = cutover;
  const byHand = (['postgres', 'redis', 'app'] as const).flatMap((role) => {
    const former = formers?.[role];
    if (former) return givenBackByHand(former, replaced?.[role]?.next, role !== 'app' && Boolean(removed));
    const present = facts.containers[role];
    return present && isToRun(role, present, facts.stopped?.[role]) ? [`docker start ${present.id.slice(0, 12)}`] : [];
  });
  return [
    { en: `In ${target.dir}, by hand:`, zh: `请在 ${target.dir} 中手工执行:` },
    ...(backup ? [{ en: `The data is safe in ${backup.dir}.`, zh: `数据完好保存在 ${backup.dir}.` }] : []),
    ...(previous ? [same(`docker tag ${previous.reference} ${facts.stack.services.app.image}`)] : []),
    ...byHand.map(same),
    ...(userdata
      ? [{ en: `A copy of userdata is in ${userdata.file}.`, zh: `userdata 的副本位于 ${userdata.file}.` }]
      : []),
  ];
}

const notBack = (why: Text) => commandFailed({ en: why.en, zh: why.zh });
