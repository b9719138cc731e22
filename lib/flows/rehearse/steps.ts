import { randomBytes } from 'node:crypto';
import { allEnded } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import type { Recovery, Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import { discardContainer, discardImage, discardNetwork, remainsOfRun } from '../../tools/docker/helpers.ts';
import { bootStep } from './boot.ts';
import { imageFor } from './build.ts';
import { namesOf } from './containers.ts';
import { migrateStep, restoreStep, storesStep } from './data-steps.ts';
import { leftBehind } from './errors.ts';
import type { Facts, Rehearsal } from './facts.ts';

/** One drill: its steps in their order, none of which touches production. It is timed from here on; nothing happens yet. */
export function begin({ clock, secrets }: Pick<Ops, 'clock' | 'secrets'>, facts: Facts) {
  const password = () => randomBytes(24).toString('base64url');
  const own = { database: password(), redis: password() };
  secrets.add(own.database, own.redis);
  const rehearsal: Rehearsal = { facts, step: '', startedAt: clock.monotonic(), startedOn: clock.now(), own };
  const part = <T, A extends readonly unknown[]>(step: Step<T, A>): Step<T, A> => ({
    ...step,
    run(ops, ...given: A) {
      rehearsal.step = step.id;
      return unlessStopped(ops, () => step.run(ops, ...given));
    },
  });
  const steps = {
    image: part(imageStep(facts)),
    stores: part(storesStep(rehearsal)),
    restore: part(restoreStep(rehearsal)),
    migrate: part(migrateStep(rehearsal)),
    boot: part(bootStep(rehearsal)),
    remove: part(removeStep(facts)),
  };
  const recovery: Recovery = { prove: (ops) => proveGone(ops, facts), advice: () => [], proves: [] };
  return { run: rehearsal, steps, recovery };
}

/** Has the image of the code that is to be tried; tells its id. Whichever step fails: what was made goes by name, so one undoing is enough. */
function imageStep(facts: Facts): Step<string> {
  const { code, stack } = facts;
  return {
    id: 'image',
    title:
      code.kind === 'image'
        ? { en: 'Take the image that runs', zh: '使用当前运行的镜像' }
        : { en: 'Build the commit, under a name of the drill', zh: '以演练专用名称构建该提交的镜像' },
    risk: 'none',
    commands: [
      code.kind === 'image'
        ? `docker inspect ${code.imageId.slice(0, 19)}`
        : `git archive ${code.commit.slice(0, 10)}; docker compose -p <drill> build ${stack.services.app.key}`,
    ],
    run: (ops) => imageFor(ops, facts),
    undo: (ops) => discard(ops, facts),
  };
}

const removeStep = (facts: Facts): Step<Text> => ({
  id: 'remove',
  title: { en: 'Remove every trace of the drill', zh: '清除全部演练资源' },
  risk: 'none',
  commands: ['docker rm -f -v …; docker network rm …'],
  async run(ops) {
    await discard(ops, facts);
    return proveGone(ops, facts);
  },
});

/** Removes whatever the drill has made, by name, so that what was only begun goes too. */
export async function discard(ops: Ops, facts: Facts): Promise<void> {
  const names = namesOf(ops, facts.stack.project);
  const containers = [names.app, names.oneOff, names.postgres, names.redis];
  await allEnded(containers.map((name) => discardContainer(ops, name)));
  await discardNetwork(ops, names.network);
  if (facts.code.kind === 'build') await discardImage(ops, names.image);
}

/**
 * Nothing of the drill is left, and production's containers are the ones from before.
 *
 * @throws {OpsError} `needs-person`, with what to type.
 */
export async function proveGone(ops: Ops, facts: Facts): Promise<Text> {
  const [remains, now] = await Promise.all([remainsOfRun(ops), findContainers(ops, facts.stack)]);
  if (remains.length > 0) throw leftBehind(remains);
  const before = Object.values(facts.production);
  const same = before.filter((c) => Object.values(now).some((n) => n.id === c.id && n.state === c.state));
  const count = `${same.length}/${before.length}`;
  return {
    en: `Production was not touched (${count} containers are as before); nothing of the drill is left.`,
    zh: `生产环境未受影响 (${count} 个容器与之前一致), 演练资源已全部清除.`,
  };
}

/** A run that takes the deploy directory also removes what a drill has; it is noticed a little later than that. */
const NOTICED_MS = 1_000;

/**
 * What fails because the drill has to give way is no failure.
 *
 * @throws the reason for stopping, if there is one; else what `deed` threw.
 */
export async function unlessStopped<T>(ops: Ops, deed: () => Promise<T>): Promise<T> {
  try {
    return await deed();
  } catch (error) {
    await ops.clock.sleep(NOTICED_MS, ops.signal);
    throw error;
  }
}
