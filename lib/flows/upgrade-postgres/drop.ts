import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { change, run } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import { printable, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { backupsOf } from '../../domain/backup/find.ts';
import { confirmDestructive } from '../../domain/data/consent.ts';
import { proveSuperseded } from '../../domain/data/drop-database.ts';
import { removeRetainedVolume } from '../../domain/data/remove-volumes.ts';
import { forgetUpgrade, readUpgrades, retainedCluster } from '../../domain/ledger/postgres-upgrades.ts';
import { wasBegun } from '../../domain/ledger/unfinished-runs.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import { loginOf } from '../../domain/stack/stack.ts';
import { carryOut, showSteps } from '../../runs/steps/steps.ts';
import { findVolume } from '../../tools/docker/same-volume.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { databaseIn, findStack } from './survey.ts';

/**
 * Deletes the volume that the newest upgrade, or the way back from it, has put aside: after a consent, and only once what came after it is
 * in a backup that was restored and compared.
 *
 * @throws {OpsError} `precondition`, `declined`
 */
export async function dropAside(
  ops: Ops,
  { planOnly, confirm }: { readonly planOnly: boolean; readonly confirm: string | undefined },
): Promise<Text> {
  const { stack, postgres } = await findStack(ops, findContainers);
  const upgrade = readUpgrades(ops.paths).at(-1);
  const wasKilled = wasBegun(ops, 'upgrade-postgres', '--drop');
  if (upgrade === undefined) {
    if (wasKilled) return isGone(ops, planOnly, undefined);
    throw nothingAside();
  }
  const aside = retainedCluster(upgrade);
  const serves = postgres?.state === 'running' ? await databaseIn(ops, stack, postgres) : undefined;
  if (serves === undefined || serves.volume.name === aside.volume) throw notServing(aside);
  const { systemIdentifier } = await identify(ops, serves);
  const volume = await findVolume(ops, aside.volume);
  if (volume === undefined) {
    if (wasKilled) return isGone(ops, planOnly, aside.volume);
    if (!planOnly) forgetUpgrade(ops.paths, upgrade);
    throw nothingAside();
  }
  if (volume.filesStay) throw staysOnDevice(aside.volume);
  const since = { name: aside.volume, kind: 'before' as const, since: upgrade.at };
  // A dump of the cluster that is gone counts for nothing: it has to be of the one that serves.
  const ofServing = backupsOf(ops, loginOf(stack).name).filter(
    ({ manifest }) => manifest.server.systemIdentifier === systemIdentifier,
  );
  const superseded = proveSuperseded(since, ofServing);
  const what: Text = {
    en: `volume ${printable(aside.volume)}: the cluster of PostgreSQL ${aside.major} that was kept`,
    zh: `卷 ${printable(aside.volume)}: 保留的 PostgreSQL ${aside.major} 集群`,
  };
  const step: Step = {
    ...DROP,
    risk: 'deletes',
    commands: [`docker volume rm ${aside.volume}`, `docker image rm ${upgrade.image}`],
    loses: what,
    run: async (o) => {
      await removeRetainedVolume(o, volume, consent, superseded);
      await forgetVolume(o, aside.volume);
    },
  };
  showSteps(ops.screen, [step]);
  if (planOnly) return ONLY_PLANNED;
  const consent = await confirmDestructive(
    ops,
    {
      title: {
        en: `The way back of ${upgrade.at} will be deleted permanently:`,
        zh: `将永久删除 ${upgrade.at} 那次升级的退路:`,
      },
      phrase: `DROP ${aside.volume}`,
      volumes: [{ ...volume, holder: '' }],
      losses: [[{ en: 'cluster', zh: '集群' }, what]],
    },
    confirm,
  );
  const recovery = { prove: async (o: Ops) => stillThere(o, aside.volume), advice: () => [], proves: [] } as const;
  await carryOut(ops, [step], recovery, (carry) => carry(step));
  const done = { en: `Deleted: ${what.en}`, zh: `已删除: ${what.zh}` };
  ops.screen.show({ event: 'ok', text: done });
  return done;
}

const DROP = { id: 'drop', title: { en: 'Delete the cluster that was kept', zh: '删除保留的集群' } };

/** Earlier upgrades that were about it are no way back either. */
async function forgetVolume(ops: Ops, volume: string): Promise<void> {
  for (const about of readUpgrades(ops.paths).filter((u) => [u.from.volume, u.to.volume].includes(volume))) {
    await run(ops, change(['docker', 'image', 'rm', about.image]), [0, 1]);
    forgetUpgrade(ops.paths, about);
  }
}

/** The volume went with a run that was killed: what is left of it, if anything, goes too. */
async function isGone(ops: Ops, planOnly: boolean, volume: string | undefined): Promise<Text> {
  const rest: Step = {
    ...DROP,
    risk: 'none',
    commands: volume === undefined ? [] : ['docker image rm <…>'],
    run: async (o) => void (volume !== undefined && (await forgetVolume(o, volume))),
    evidence: () => GONE,
  };
  showSteps(ops.screen, [rest]);
  if (planOnly) return ONLY_PLANNED;
  const recovery = { prove: async () => GONE, advice: () => [], proves: [] } as const;
  await carryOut(ops, [rest], recovery, (step) => step(rest));
  return GONE;
}

const GONE: Text = { en: 'The cluster that was kept is deleted.', zh: '保留的原集群已删除.' };

async function stillThere(ops: Ops, volume: string): Promise<Text> {
  const name = printable(volume);
  return (await findVolume(ops, volume))
    ? { en: `Volume ${name} is still there.`, zh: `卷 ${name} 仍然存在.` }
    : { en: `Volume ${name} is deleted.`, zh: `卷 ${name} 已删除.` };
}

const nothingAside = () => refuse({ en: 'No upgrade has left a former cluster.', zh: '没有升级后保留的集群.' });

const staysOnDevice = (volume: string) =>
  refuse(
    {
      en: `Volume ${printable(volume)} has its files in a directory or on a server of its own, or with a plugin: docker volume rm would leave them there, and nothing would be deleted.`,
      zh: `卷 ${printable(volume)} 的文件位于另外指定的目录或存储服务器, 或由插件管理: docker volume rm 不会删除这些文件.`,
    },
    {
      en: `By hand: delete the files where they are (docker volume inspect ${printable(volume)}), then docker volume rm ${printable(volume)}`,
      zh: `请手工处理: 先在文件所在位置删除 (docker volume inspect ${printable(volume)}), 再执行 docker volume rm ${printable(volume)}`,
    },
  );

const notServing = ({ volume, major }: ReturnType<typeof retainedCluster>) =>
  refuse(
    {
      en: `No other PostgreSQL than that of volume ${volume} (${major}) serves now: it is still needed.`,
      zh: `当前没有卷 ${volume} (PostgreSQL ${major}) 之外的实例在提供服务: 该卷仍需使用.`,
    },
    { en: 'What runs: npx tsx scripts/doctor.ts', zh: '查看当前状态: npx tsx scripts/doctor.ts' },
  );
