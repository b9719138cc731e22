import type { Ops } from '../../core/ops.ts';
import { composeFiles } from '../../tools/docker/compose-files.ts';
import { composeLabel, listContainers } from '../../tools/docker/lookup.ts';
import { seenAt } from '../../tools/files/seen.ts';
import type { Stack } from './stack.ts';

/** A container that compose made, and from where. */
export interface Made {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  /** The project directory as it was called then. */
  readonly dir: string;
  /** The compose files, absolute. */
  readonly files: readonly string[];
}

/** Which directories made what runs, or once ran. */
export interface Owners {
  /** Of this project, but by a directory that is there and is another one. */
  readonly others: readonly Made[];
  /** Of this project, by a directory that is no longer there: this one, perhaps, before it was moved. */
  readonly moved: readonly Made[];
  /** Of this project and by this directory, but from other compose files than the scripts use. */
  readonly otherFiles: readonly Made[];
  /** By this directory and from its compose file, but of a project of another name. */
  readonly renamed: readonly Made[];
  /** How many containers of this project there are. */
  readonly count: number;
}

const LABELS = ['project', 'project.working_dir', 'project.config_files'];
const FILTERS = ['label=com.docker.compose.project', 'label=com.docker.compose.oneoff=False'];

/** Asks the labels that compose puts on whatever it makes. Those of one-off containers (`compose run`) don't count. */
export async function findOwners(ops: Ops, stack: Pick<Stack, 'project'>): Promise<Owners> {
  const lines = await listContainers(ops, FILTERS, '{{.ID}}', '{{.Names}}', ...LABELS.map(composeLabel));
  const all = lines.map(madeIn);
  const { dir } = ops.target;
  const own = composeFiles(ops.target);
  const isOwn = (file: string, whose: readonly Whose[]) => own.some((ours) => whose.includes(isSame(file, ours)));
  const ours = all.filter((made) => made.project === stack.project);
  const by = (whose: Whose, some: readonly Made[]) => some.filter((made) => whoMade(made.dir, dir) === whose);
  const uses = ({ files }: Made) => files.some((file) => isOwn(file, ['same', 'gone']));
  return {
    others: by('other', ours),
    moved: by('gone', ours),
    otherFiles: by('same', ours).filter((made) => !made.files.every((file) => isOwn(file, ['same']))),
    renamed: by('same', all).filter((made) => made.project !== stack.project && uses(made)),
    count: ours.length,
  };
}

function madeIn([id = '', name = '', project = '', dir = '', files = '']: readonly string[]): Made {
  return { id, name, project, dir, files: files.split(',').filter(Boolean) };
}

type Whose = 'same' | 'other' | 'gone';

/** One that does not say it was made by hand or by a compose that said nothing. */
const whoMade = (dir: string, ours: string): Whose => (dir === '' ? 'same' : isSame(dir, ours));

/** Whether two paths are of one directory or file: another spelling, a link, or another mount of it does not matter. */
function isSame(place: string, ours: string): Whose {
  if (place === ours) return 'same';
  const [theirs, own] = [place, ours].map(seenAt);
  if (theirs === undefined) return 'gone';
  return theirs && own && theirs.dev === own.dev && theirs.ino === own.ino ? 'same' : 'other';
}
