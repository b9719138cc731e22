import { statSync } from 'node:fs';
import path from 'node:path';
import { copyIn, copyOut } from '../host/container-files.ts';
import type { Ops } from '../host/ops.ts';

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

/** Puts saved userdata into a container that has been created and not yet started. */
export async function putBackUserdata(ops: Ops, saved: SavedUserdata, container: string): Promise<void> {
  await copyIn(ops, saved.file, container, ops.target.app.userdata);
}
