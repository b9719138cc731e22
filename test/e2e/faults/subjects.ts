import { expect } from 'vitest';
import { runScript } from '../../support/run-script.ts';
import { answers } from '../update/serving.ts';
import type { Release, Stack } from '../update/stack.ts';

/** A script with something to do, and what must be so once it is done. */
export interface Subject {
  readonly script: string;
  readonly what: string;
  /** A database of its own replaces the former one, with its pg_hba.conf. */
  readonly newCluster?: boolean;
  /** Brings about that there is something to do; answers the options that ask for it. */
  readonly prepare: (stack: Stack) => Promise<readonly string[]>;
  readonly expectDone: (stack: Stack) => Promise<void>;
}

let meant: Release;
let backup = { id: '', notes: '' };

const notes = (stack: Stack): string => stack.sql("SELECT string_agg(text, ',' ORDER BY id) FROM notes");

const servesMeant = async (stack: Stack): Promise<void> => {
  stack.current = meant;
  expect(new Set((await answers(stack)).map((a) => a.marker))).toEqual(new Set([meant.marker]));
};

async function updated(stack: Stack): Promise<void> {
  const args = ['--dir', stack.sandbox.deployDir, '--config', stack.config, '--yes', '--soak', '0'];
  const ended = await runScript('update-prod-flask', args);
  expect(ended.exitCode, ended.text).toBe(0);
}

async function toDeploy(stack: Stack): Promise<void> {
  meant = await stack.release();
  await stack.sandbox.pull();
  await stack.settled();
}

export const SUBJECTS: readonly Subject[] = [
  {
    script: 'update-prod-flask',
    what: 'hot update',
    async prepare(stack) {
      meant = await stack.release({ import_delay: 1 });
      return ['--soak', '1s'];
    },
    expectDone: servesMeant,
  },
  {
    script: 'rollback-prod',
    what: 'hot, to the former release',
    async prepare(stack) {
      const former = stack.current;
      await stack.release();
      await updated(stack);
      meant = former;
      return [former.commit.slice(0, 12), '--soak', '1s'];
    },
    expectDone: servesMeant,
  },
  {
    script: 'restore-prod',
    what: 'of a backup',
    async prepare(stack) {
      if (backup.id === '') {
        const args = ['create', '--dir', stack.sandbox.deployDir, '--config', stack.config];
        const ended = await runScript('backup-prod', args);
        expect(ended.exitCode, ended.text).toBe(0);
        backup = { id: /restore-prod\.ts (\S+)/.exec(ended.text)?.[1] ?? '', notes: notes(stack) };
      }
      meant = stack.current;
      return [backup.id, '--confirm', 'RESTORE whalefall_prod'];
    },
    async expectDone(stack) {
      await servesMeant(stack);
      expect(notes(stack)).toBe(backup.notes);
    },
  },
  {
    script: 'deploy-prod-all',
    what: 'data kept',
    async prepare(stack) {
      await toDeploy(stack);
      return ['--data', 'keep'];
    },
    expectDone: servesMeant,
  },
  {
    script: 'deploy-prod-all',
    what: 'data deleted',
    newCluster: true,
    async prepare(stack) {
      await toDeploy(stack);
      return ['--data', 'delete', '--confirm', 'DELETE ALL DATA'];
    },
    expectDone: servesMeant,
  },
];
