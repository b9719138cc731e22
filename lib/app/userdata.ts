import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { copyIn, copyOut } from '../host/container-files.ts';
import { exec } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { run } from '../host/run.ts';
import { entriesOf } from '../runs/history.ts';
import { notedByUnfinished } from '../runs/noted.ts';
import { printable, spanText } from '../text.ts';

/** A copy of userdata on the host: uploads, exports, logs, the scheduler's database. */
export interface SavedUserdata {
  readonly file: string;
  readonly bytes: number;
}

/** Saves userdata of a stopped container into the run's directory; it lives in the container's writable layer and dies with it. */
export async function saveUserdata(ops: Ops, container: string): Promise<SavedUserdata | undefined> {
  const file = path.join(ops.paths.run, 'userdata.tar');
  if (!(await copyOut(ops, container, ops.target.app.userdata, file))) return undefined;
  return noted(ops, { file, bytes: statSync(file).size });
}

function noted(ops: Ops, saved: SavedUserdata): SavedUserdata {
  ops.journal.write({ event: 'note', key: 'userdata', value: saved });
  return saved;
}

/** Their success proves that a container has served since: its own userdata counts then. */
const GOOD = ['deploy-prod-all', 'rollback-prod', 'update-prod-flask'];

const savedBefore = z.object({ file: z.string(), bytes: z.number() });

/**
 * What a run had saved that was killed before its new container had it: the only copy that there is, as long as that container was never
 * started. Nothing of a run that had begun to delete the data it belongs to.
 */
export function userdataOfUnfinished(ops: Ops): SavedUserdata | undefined {
  const found = notedByUnfinished(ops.paths, 'userdata', GOOD);
  const saved = savedBefore.safeParse(found?.value).data;
  if (!found || !saved || !existsSync(saved.file)) return undefined;
  if (entriesOf(found.run, 'note').some((n) => n.key === 'removing')) return undefined;
  const name = printable(found.run.name);
  const age = spanText(ops.clock.now() - statSync(saved.file).mtimeMs);
  ops.screen.show({
    event: 'info',
    text: {
      en: `userdata is what run ${name} had saved (the copy is ${age.en} old): it did not get to put it back.`,
      zh: `userdata 取自运行 ${name} 的备份 (${age.zh}前保存): 该运行未能将其放回.`,
    },
  });
  return noted(ops, saved);
}

/** About how many bytes userdata of a running container takes; 0 when it can't be asked. */
export async function userdataSize(ops: Ops, container: string): Promise<number> {
  const du = exec('read', container, ['du', '-sk', ops.target.app.userdata]);
  const { stdout } = await run(ops, du, [0, 1, 126, 127]);
  return (Number.parseInt(stdout, 10) || 0) * 1024;
}

/** Puts saved userdata into a container that has been created and not yet started. */
export async function putBackUserdata(ops: Ops, saved: SavedUserdata, container: string): Promise<void> {
  await copyIn(ops, saved.file, container, ops.target.app.userdata);
}
