import { statSync } from 'node:fs';
import path from 'node:path';
import { copyIn, copyOut } from '../host/container-files.ts';
import { exec } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { run } from '../host/run.ts';

/** A copy of userdata on the host: uploads, exports, logs, the scheduler's database. */
export interface SavedUserdata {
  readonly file: string;
  readonly bytes: number;
}

/** Saves userdata of a stopped container into the run's directory; it lives in the container's writable layer and dies with it. */
export async function saveUserdata(ops: Ops, container: string): Promise<SavedUserdata | undefined> {
  const file = path.join(ops.paths.run, 'userdata.tar');
  if (!(await copyOut(ops, container, ops.target.app.userdata, file))) return undefined;
  const saved = { file, bytes: statSync(file).size };
  ops.journal.write({ event: 'note', key: 'userdata', value: saved });
  return saved;
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
