import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { CommandError, run } from '../../core/run.ts';
import type { Row } from '../../core/screen.ts';
import type { Recovery, Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { readDatabaseManifest } from '../../domain/backup/manifest.ts';
import type { DestructiveRequest } from '../../domain/data/consent.ts';
import { type HoldFacts, type HoldOptions, surveyHold } from '../../domain/hold/survey.ts';
import { firstPresent } from '../../domain/images/stand-in.ts';
import {
  formerDefinition,
  noteUpgrade,
  type PostgresUpgrade,
  readUpgrades,
} from '../../domain/ledger/postgres-upgrades.ts';
import { PROVES } from '../../domain/ledger/proofs.ts';
import { createBeside, describeFormer, discardNext, type Replacement } from '../../domain/replacement/replace.ts';
import { rowChanges } from '../../domain/restoration/losses.ts';
import { findAllContainers, properName, standbyRole } from '../../domain/stack/containers.ts';
import { findDataDirectories } from '../../domain/stack/data-directory.ts';
import type { Served } from '../../domain/stack/deployment.ts';
import type { Stack } from '../../domain/stack/stack.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { type Definition, startsAgain } from '../../tools/docker/definition.ts';
import { setRestart } from '../../tools/docker/docker.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { countRows, type RowCount } from '../../tools/postgres/row-counts.ts';
import { adviceFor } from './steps.ts';
import { databaseIn, findStackToStart, servedNow } from './survey.ts';
import { type Coming, proveAsBefore, proveStep, startStep, stopStep, surroundings, swapStep } from './switch.ts';

/** What going back depends on. */
export interface BackFacts {
  readonly stack: Stack;
  readonly upgrade: PostgresUpgrade;
  readonly definition: Definition;
  readonly app: Container | undefined;
  /** PostgreSQL as it is in use now, or was begun to be. */
  readonly present: Container | undefined;
  /** The former one, where its container is still there: a run was killed. */
  readonly former: Container | undefined;
  /** Of the present cluster; undefined when it does not run. */
  readonly systemIdentifier: string | undefined;
  readonly rows: readonly RowCount[] | undefined;
  readonly served: Served | undefined;
  readonly hold: HoldFacts;
}

/**
 * Looks whether the former cluster can serve again; changes nothing.
 *
 * @throws {OpsError} `precondition` when there is none, or its volume is not the one that was put aside.
 */
export async function surveyBack(ops: Ops, options: HoldOptions, tries: boolean): Promise<BackFacts> {
  const { stack, app } = await findStackToStart(ops);
  const upgrade = readUpgrades(ops.paths).findLast((u) => u.inUse === 'to');
  if (upgrade === undefined) throw noUpgrade();
  const definition = formerDefinition(ops.paths, upgrade);
  if (definition === undefined) throw noDefinition(upgrade);
  const all = (await findAllContainers(ops, stack)).postgres;
  const on = (volume: string) => all.filter((c) => c.mounts.some((m) => m.kind === 'volume' && m.source === volume));
  const former = on(upgrade.from.volume)[0];
  const present = on(upgrade.to.volume).find((c) => !standbyRole(c));
  const looking = await firstPresent(ops, [upgrade.image, present?.imageId, app?.imageId]);
  if (former?.state !== 'running' && looking !== undefined) {
    const found = await findDataDirectories(ops, looking, [upgrade.from.volume]);
    if (!found.some((f) => f.systemIdentifier === upgrade.from.systemIdentifier)) throw notThatVolume(upgrade);
  }
  const server = present?.state === 'running' ? await databaseIn(ops, stack, present) : undefined;
  return {
    stack,
    upgrade,
    definition,
    app,
    present,
    former,
    systemIdentifier: server && (await identify(ops, server).catch(unlessSick))?.systemIdentifier,
    rows: server && (await countRows(ops, server)),
    served: await servedNow(ops, app),
    hold: await surveyHold(ops, app, options, tries),
  };
}

/** A new server that does not answer is what one goes back from. */
function unlessSick(error: unknown): undefined {
  if (!(error instanceof CommandError) || error.kind === 'interrupted') throw error;
}

/** What the consent names: what was written since the upgrade. */
export function backRequest({ upgrade, rows }: BackFacts): DestructiveRequest {
  const { from, to, at } = upgrade;
  return {
    title: {
      en: `PostgreSQL ${from.major} is used again, with the data of ${at}. What was written since is no longer in use (it stays in volume ${to.volume}):`,
      zh: `恢复使用 PostgreSQL ${from.major} 及其 ${at} 时的数据. 此后写入的数据不再生效 (保留在卷 ${to.volume} 中):`,
    },
    phrase: `BACK TO POSTGRESQL ${from.major}`,
    volumes: [],
    losses: rows ? changesSince(upgrade, rows) : [[{ en: 'rows now', zh: '当前行数' }, NOT_COUNTED]],
  };
}

const NOT_COUNTED: Text = { en: 'the new server does not tell', zh: '无法从新的 PostgreSQL 读取' };

function changesSince({ backup }: PostgresUpgrade, rows: readonly RowCount[]): Row[] {
  try {
    return rowChanges(rows, readDatabaseManifest(backup).contents.tables, AS_MANY);
  } catch {
    return [[{ en: 'rows', zh: '行数' }, NO_LONGER]];
  }
}

const NO_LONGER: Text = { en: 'can’t be compared: that backup is gone', zh: '无法比较: 当时的备份已不存在' };
const AS_MANY: Text = {
  en: 'as many in every table as then; they may differ all the same',
  zh: '各表行数与当时相同, 但内容可能有变化',
};

/** The way back, in steps. Nothing happens yet. */
export function beginBack(ops: Ops, facts: BackFacts) {
  const { stack, upgrade, definition, app, present, former } = facts;
  const around = surroundings(stack, app, facts.hold, facts.served);
  let made: Replacement | undefined;

  const create: Step<Replacement> = {
    id: 'create',
    title: {
      en: `Make the container of PostgreSQL ${upgrade.from.major} again, of what it was made of`,
      zh: `按原配置重建 PostgreSQL ${upgrade.from.major} 的容器`,
    },
    risk: 'none',
    commands: [
      former ? `docker inspect ${former.name}` : `POST /containers/create  # ${upgrade.image}, ${upgrade.from.volume}`,
    ],
    async run(o) {
      const replaced = present && (await describeFormer(o, 'postgres', present));
      if (former) {
        const policy = startsAgain(definition);
        if (policy) await run(o, setRestart(former.id, policy));
        return { role: 'postgres', former: replaced, name: properName(former.name), next: former.id };
      }
      made = await createBeside(o, stack, 'postgres', { former: replaced, definition });
      return made;
    },
    async undo(o) {
      if (made) await discardNext(o, made);
    },
  };

  const swap = swapStep(around, present, async (_, replacement: Replacement): Promise<Coming> => {
    const { major, systemIdentifier } = upgrade.from;
    return { replacement, major, systemIdentifier };
  });

  const steps = { create, stop: stopStep(around), swap, start: startStep(around), prove: proveStep(around) };
  const recovery: Recovery = {
    prove: (o) =>
      proveAsBefore(
        o,
        around,
        facts.systemIdentifier === undefined ? undefined : { systemIdentifier: facts.systemIdentifier },
      ),
    advice: () => adviceFor(ops, around),
    proves: PROVES['upgrade-postgres'],
  };
  return { steps, recovery, around };
}

/** What is in use from now on. */
export const noteBack = (ops: Ops, { upgrade }: BackFacts): Promise<void> =>
  noteUpgrade(ops.paths, { ...upgrade, inUse: 'from' });

const noUpgrade = () => refuse({ en: 'There is no upgrade to go back from.', zh: '没有可以撤回的升级.' });

const noDefinition = ({ run: name, image, from }: PostgresUpgrade) =>
  refuse(
    {
      en: `What the former container was made of can't be read (upgrade ${name}).`,
      zh: `无法读取原容器的配置 (升级 ${name}).`,
    },
    {
      en: `By hand: in the compose file name ${image} and volume ${from.volume}, then: npx tsx scripts/deploy-prod-all.ts --data keep`,
      zh: `手工处理: 在 compose 文件中使用 ${image} 与卷 ${from.volume}, 然后执行: npx tsx scripts/deploy-prod-all.ts --data keep`,
    },
  );

const notThatVolume = ({ from }: PostgresUpgrade) =>
  refuse(
    {
      en: `Volume ${from.volume} does not hold the cluster that was kept (system identifier ${from.systemIdentifier}).`,
      zh: `卷 ${from.volume} 中不是当时保留的集群 (系统标识 ${from.systemIdentifier}).`,
    },
    { en: 'Which volumes there are: docker volume ls', zh: '查看现有的卷: docker volume ls' },
  );
