#!/usr/bin/env -S npx tsx
/**
 * Full rebuild: from whatever is there (or nothing) to a proved deployment of the checked-out commit. Replaces
 * deploy-prod-all.sh; `lib/flows/rebuild/planned-steps.ts` names the former step behind each of these. Everything that can fail
 * without harm comes before "stop"; a failure from there on brings back image, userdata and data as they were.
 */
import { forgetOld } from '../lib/domain/images/forget.ts';
import { refuseUnbuildable } from '../lib/domain/release/buildable.ts';
import * as rebuild from '../lib/flows/rebuild/index.ts';
import {
  ADOPT_FLAG,
  buildImage,
  carryOut,
  confirmDestructive,
  type DestructiveRequest,
  ensureAdmin,
  HOLD_FLAGS,
  holdOptions,
  isProgram,
  main,
  revealAdmin,
  type Script,
  thisProcess,
} from '../lib/index.ts';

export const deployProdAll: Script = {
  name: 'deploy-prod-all',
  about: {
    en: 'Full rebuild: build, back up, replace, migrate and prove the whole stack. Data is kept unless you say otherwise.',
    zh: '全量重建: 构建、备份、替换、迁移并逐项验证整套服务. 默认保留数据, 除非明确要求删除.',
  },
  flags: {
    ...ADOPT_FLAG,
    ...HOLD_FLAGS,
    data: {
      type: 'string',
      choices: ['keep', 'delete'],
      help: { en: 'what to do with existing data (default: ask)', zh: '如何处理已有数据(默认询问)' },
    },
  },

  async run(ops, flags) {
    const facts = await rebuild.surveyRebuild(ops, flags.planOnly);
    await refuseUnbuildable(ops, facts.stack, facts.checkout.commit);
    const data = await rebuild.chooseData(ops, facts, flags);
    const holds = await rebuild.surveyHold(ops, facts.containers.app, holdOptions(flags), !flags.planOnly);
    const plan = rebuild.planRebuild(ops.target, facts, data, holds);
    rebuild.showPlan(ops, facts, plan);
    if (flags.planOnly) return { en: 'Only planned.', zh: '仅显示计划.' };

    // Asked once, before anything changes, for exactly what the plan would destroy.
    const ask = (request: DestructiveRequest) => confirmDestructive(ops, request, flags.confirm as string | undefined);
    const consent = plan.deletes.length > 0 ? await ask(rebuild.deletionRequest(ops.target, facts, plan)) : undefined;
    if (!consent && plan.losesUserdata) await ask(rebuild.userdataRequest(ops.target, facts));
    else if (!consent) await rebuild.agreeToGo(ops, plan);

    const hold = rebuild.requestHold(holds);
    const aside: rebuild.PutAside = { archives: new Map(), losesUserdata: plan.losesUserdata, hold };
    const outside = rebuild.watchFromOutside(ops, facts, holds);
    const recovery = {
      prove: (o: typeof ops) => rebuild.proveAsBefore(o, facts, aside, outside),
      advice: () => rebuild.advice(ops, facts, aside),
      also: [`--data=${plan.data}`],
    };

    const carried = carryOut(ops, plan.steps, recovery, async (step) => {
      const imageId = await step('build', {
        run: async (o) => {
          await rebuild.fetchStoreImages(o, facts);
          await rebuild.lookAgain(o, facts, plan);
          aside.previous = await rebuild.keepPreviousImage(o, facts);
          return buildImage(o, facts.stack, facts.checkout.commit);
        },
        undo: (o) => rebuild.restoreImage(o, facts, aside.previous),
      });

      // An image that cannot even create the application must never replace one that serves.
      const tried = await step('try', {
        run: async (o) => {
          const trial = await rebuild.tryImage(o, facts, rebuild.keptRevision(facts));
          if (!consent) await rebuild.requireKnownRevision(o, facts, trial);
          return trial;
        },
        evidence: rebuild.trialEvidence,
        undo: (o) => rebuild.removeOneOff(o, facts),
      });

      if (plan.backup) {
        await step('backup', {
          run: (o) => rebuild.backUp(o, facts, plan, aside, tried.head, consent),
          evidence: rebuild.backupEvidence,
          undo: (o) => rebuild.discardHelpers(o, facts, aside),
        });
      }

      // What follows a deletion is made before it: an empty database that can't be migrated harms nobody yet.
      if (consent) {
        aside.prepared = await step('prepare', {
          run: (o) => rebuild.prepareDatabase(o, facts, imageId, tried.head),
          evidence: ({ migrated }) => rebuild.migrationEvidence(migrated),
          undo: (o) => rebuild.discardPreparation(o, facts),
        });
      }

      // What can't be made is known before anything stops; what serves stays whole until the new is proved.
      if (plan.replaces.length > 0) {
        await step('create', {
          run: (o) => rebuild.createForPlan(o, facts, plan, aside),
          undo: (o) => rebuild.discardNew(o, aside),
        });
      }

      // From here on requests wait; where they can't, production is down.
      if (facts.containers.app) {
        await step('stop', {
          run: (o) => rebuild.stopApp(o, facts, plan, aside, outside),
          undo: (o) => rebuild.bringBackApp(o, facts, aside),
        });
      }

      // The dump that counts is taken when nothing writes any more; without a pending change the first one will do.
      if (plan.backup || consent) {
        await step('final-backup', {
          run: (o) => rebuild.backUpAgain(o, facts, plan, aside, tried.head),
          evidence: rebuild.backupEvidence,
          undo: (o) => rebuild.restartStores(o, facts, aside),
        });
      }

      if (consent) {
        await step('remove', {
          run: (o) => rebuild.removeData(o, facts, plan, aside, consent),
          undo: (o) => rebuild.bringBackData(o, facts, aside),
        });
      }

      // What was seen beforehand and can't have changed since is not looked at again during the outage.
      const { prepared, beforehand } = aside;
      const seen = await step('start-stores', {
        run: async (o) => {
          if (beforehand) return beforehand;
          if (prepared) return { ...prepared.seen, stores: await rebuild.startOnPrepared(o, facts, prepared, aside) };
          return rebuild.startOnKept(o, facts, aside);
        },
        undo: (o) => rebuild.bringBackStores(o, facts, aside),
      });
      const { stores } = seen;

      const connected = await step('connection', {
        run: (o) => rebuild.ensureConnection(o, facts, stores, seen.connection),
        evidence: ({ evidence }) => evidence,
      });

      await step('migrate', {
        run: (o) =>
          rebuild.migrateAndSeed(o, stores.database, tried, {
            ...(seen.schema && { schema: seen.schema }),
            midway: facts.midway,
            noteSchema: (before) => {
              aside.schemaBefore = before;
            },
          }),
        evidence: rebuild.migrationEvidence,
        undo: (o) => rebuild.bringBackSchema(o, facts, aside),
      });

      await step('admin', {
        run: async (o) => {
          if (prepared) return revealAdmin(o, prepared.admin);
          return seen.admin ? { kind: 'existed' as const } : ensureAdmin(o, tried.oneOff);
        },
        evidence: rebuild.adminEvidence,
      });

      const { app } = await step('start-app', {
        run: (o) => rebuild.startNewApp(o, facts, aside),
        evidence: rebuild.healthEvidence,
        undo: (o) => rebuild.stopNewApp(o, facts, aside),
      });

      const proven = await step('prove', {
        run: (o) =>
          rebuild.proveRebuild(o, facts, stores, app, {
            imageId,
            commit: facts.checkout.commit,
            closedSince: connected.closedSince,
            identity: seen.identity,
          }),
        evidence: rebuild.proofEvidence,
      });

      await rebuild.discardHelpers(ops, facts, aside);
      await hold.end(ops);
      const verdict = rebuild.conclude(ops, facts, aside, proven, await outside.stop());
      await rebuild.keepContainer(ops, facts.stack);
      await rebuild.discardFormers(ops, facts.stack);
      await forgetOld(ops, facts.stack);
      await rebuild.tellStateInKept(ops, facts.stack);
      return verdict;
    });
    return carried.finally(() => hold.end(ops));
  },
};

if (isProgram(import.meta)) process.exitCode = await main(deployProdAll, thisProcess());
