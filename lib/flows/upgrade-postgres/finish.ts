import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import type { Recovery, Step } from '../../core/step.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { type PostgresUpgrade, readUpgrades } from '../../domain/ledger/postgres-upgrades.ts';
import { PROVES } from '../../domain/ledger/proofs.ts';
import { wasBegun } from '../../domain/ledger/unfinished-runs.ts';
import { describeFormer, giveBack } from '../../domain/replacement/replace.ts';
import { runOf, stoppedBy } from '../../domain/replacement/stopped.ts';
import { findAllContainers, standbyRole } from '../../domain/stack/containers.ts';
import { loginOf, type Stack } from '../../domain/stack/stack.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { findStackToStart } from './survey.ts';
import { proveStep, type Surroundings, startStep, surroundings } from './switch.ts';

/** What a run that was killed has left, from where another way leads on than from the beginning. */
export type Left =
  /** The server that was asked for is in use; at most the application has not been started. */
  | { readonly kind: 'done'; readonly around: Surroundings; readonly upgrade: PostgresUpgrade }
  /** The former container was about to lose its place, and nothing serves. */
  | { readonly kind: 'interrupted'; readonly stack: Stack; readonly former: Container }
  /** The application was stopped, and nothing more. */
  | { readonly kind: 'stopped'; readonly around: Surroundings; readonly app: Container };

const READY_MS = 120_000;

/** Looks whether the last upgrade is what somebody asks for again; changes nothing. */
export async function surveyLeft(ops: Ops, image: { readonly major: string }): Promise<Left | undefined> {
  const { stack, postgres, app } = await findStackToStart(ops);
  const around = surroundings(stack, app, NOT_HELD, undefined);
  const isOurs = requireOurs(ops, app);
  const begun = await surveyBegun(ops, image, { around, postgres });
  if (begun || postgres?.state !== 'running' || !app || !isOurs) return begun;
  return { kind: 'stopped', around, app };
}

/**
 * Whether a killed upgrade has stopped the application, which may be started again then.
 *
 * @throws {OpsError} `precondition` when another run has: what it had put aside by then, and on which data, is that script's to know.
 */
function requireOurs(ops: Ops, app: Container | undefined): boolean {
  const stamp = app && stoppedBy(ops, app)?.run;
  if (app === undefined || stamp === undefined) return false;
  const run = runOf(ops, stamp);
  if (run?.script === 'upgrade-postgres' && !standbyRole(app)) return true;
  throw stoppedByAnother(run?.name ?? stamp);
}

const stoppedByAnother = (run: string) =>
  refuse(
    {
      en: `The application does not run: run ${printable(run)} had stopped it when it was killed.`,
      zh: `应用未运行: 运行 ${printable(run)} 将其停止后被强制终止.`,
    },
    {
      en: `Finish that run first: npx tsx scripts/runs.ts resume ${printable(run)}`,
      zh: `请先完成该运行: npx tsx scripts/runs.ts resume ${printable(run)}`,
    },
  );

async function surveyBegun(
  ops: Ops,
  image: { readonly major: string },
  { around, postgres }: { readonly around: Surroundings; readonly postgres: Container | undefined },
): Promise<Left | undefined> {
  const { stack } = around;
  const upgrade = readUpgrades(ops.paths).findLast((u) => u.inUse === 'to');
  if (upgrade === undefined || postgres === undefined || upgrade.to.major !== image.major) return undefined;
  const has = (volume: string) => postgres.mounts.some((m) => m.kind === 'volume' && m.source === volume);
  if (postgres.state !== 'running') {
    return has(upgrade.from.volume) ? { kind: 'interrupted', stack, former: postgres } : undefined;
  }
  if (!has(upgrade.to.volume)) return undefined;
  const { systemIdentifier } = await identify(ops, { container: postgres, ...loginOf(stack) });
  if (systemIdentifier !== upgrade.to.systemIdentifier) return undefined;
  return { kind: 'done', around, upgrade };
}

/** The same of a way back that was killed when all was proved and written down. */
export async function surveyWentBack(ops: Ops): Promise<Extract<Left, { kind: 'done' }> | undefined> {
  const upgrade = readUpgrades(ops.paths).at(-1);
  if (upgrade?.inUse !== 'from' || !wasBegun(ops, 'upgrade-postgres', '--back')) return undefined;
  const { stack, app } = await findStackToStart(ops);
  requireOurs(ops, app);
  return { kind: 'done', around: surroundings(stack, app, NOT_HELD, undefined), upgrade };
}

const NOT_HELD = { kind: 'plain', why: same('-') } as const;

/** Gives the former container its place back. */
export function beginBringBack({ stack, former }: Extract<Left, { kind: 'interrupted' }>) {
  const step: Step = {
    id: 'bring-back',
    title: { en: 'Start the former PostgreSQL again, in its place', zh: '将原 PostgreSQL 容器换回原名并启动' },
    risk: 'changes',
    commands: [`docker start ${former.name}`],
    async run(ops) {
      const all = (await findAllContainers(ops, stack)).postgres;
      const next = all.find((c) => c.id !== former.id && standbyRole(c) !== 'before')?.id;
      // It ran until that run stopped it.
      const described = await describeFormer(ops, 'postgres', { ...former, state: 'running' });
      await giveBack(ops, stack, { role: 'postgres', former: described, next });
      await waitForPostgres(ops, { container: former, ...loginOf(stack) }, READY_MS);
    },
  };
  const recovery: Recovery = {
    prove: async () => AS_LEFT,
    advice: () => [same(`docker start ${former.id.slice(0, 12)}`)],
    proves: PROVES['upgrade-postgres'],
  };
  return { steps: { step }, recovery };
}

const AS_LEFT: Text = {
  en: 'No data was touched: the former cluster is in its volume.',
  zh: '未改动任何数据: 原集群仍在其卷中.',
};

/** Production is as it was before: the trial takes its time. */
export function beginStartAgain({ around, app }: Extract<Left, { kind: 'stopped' }>) {
  const recovery: Recovery = {
    prove: async () => STILL_DOWN,
    advice: () => [same(`docker start ${app.id.slice(0, 12)}`)],
    proves: PROVES['upgrade-postgres'],
  };
  return { steps: { step: startStep(around) }, recovery };
}

const STILL_DOWN: Text = {
  en: 'No data was touched. The application, which a killed run had stopped, is stopped as it was found.',
  zh: '未改动任何数据. 应用由被强制终止的运行停止, 仍处于停止状态.',
};

/** What is missing of an upgrade, or of the way back, whose server serves already. */
export function beginFinish({ around }: Extract<Left, { kind: 'done' }>) {
  const steps = { start: startStep(around), prove: proveStep(around) };
  const recovery: Recovery = {
    prove: async () => NEW_SERVES,
    advice: () => (around.app ? [same(`docker start ${around.app.id.slice(0, 12)}`)] : []),
    proves: PROVES['upgrade-postgres'],
  };
  return { steps, recovery };
}

const NEW_SERVES: Text = {
  en: 'The PostgreSQL that was asked for serves; the application is as it was.',
  zh: '所指定的 PostgreSQL 在运行; 应用状态与之前相同.',
};
