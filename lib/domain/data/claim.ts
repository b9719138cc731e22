import path from 'node:path';
import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import type { Hold, Ops } from '../../core/ops.ts';
import { type Reason, throwIfAny } from '../../core/refusal.ts';
import { asTyped } from '../../core/run.ts';
import type { Row } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { composeFiles } from '../../tools/docker/compose-files.ts';
import { engineId } from '../../tools/docker/engine.ts';
import { nameRunning } from '../images/running.ts';
import { readAdopted } from '../ledger/adopted.ts';
import type { ExistingVolume } from '../stack/containers.ts';
import { findOwners, type Made, type Owners } from '../stack/owners.ts';
import type { Stack } from '../stack/stack.ts';
import { confirmDestructive } from './consent.ts';

/**
 * Makes sure that a stack is this directory's, and that nobody else works on it: to be called as soon as it is known which project it is,
 * and before anything of it is looked at. Compose finds a stack by its project's name alone, so a second checkout in a directory of the
 * same name would take over the first one's containers and data. From then on what runs has names that nothing takes away: see `images/running.ts`.
 *
 * @param use whoever only looks is told whose it is, and goes on.
 * @throws {OpsError} `locked`; `precondition` when another directory made it (both are named), `declined` without the consent for `--adopt`.
 */
export async function claimStack(ops: Ops, stack: Stack, use: 'change' | 'look' = 'change') {
  const { hold = looking({ adopt: false, phrase: undefined }), screen } = ops;
  if (hold.claimed.has(stack.project)) return;
  if (hold.lockProject) await hold.lockProject(await engineId(ops), stack.project);
  const found = await findOwners(ops, stack);
  const known = readAdopted(ops.paths);
  const unknown = (all: readonly Made[]) => all.filter(({ id }) => !known.has(id));
  const owners = { ...found, others: unknown(found.others), moved: unknown(found.moved) };
  const foreign = [...owners.others, ...owners.moved];
  const refusal = refusalOf(ops, stack, owners);
  // By this name there is nothing to look at either, and "it does not run" would not be true.
  const nothingThere = owners.count === 0 && foreign.length === 0;
  if (foreign.length > 0 && use === 'change' && hold.adopt) await agreeToAdopt(ops, hold, stack, foreign);
  else if (refusal && (use === 'change' || nothingThere))
    throw new OpsError({ kind: 'precondition', state: NOTHING_CHANGED, ...refusal });
  else if (refusal) screen.show({ event: 'warning', text: refusal.what });
  else if (owners.renamed.length > 0) screen.show({ event: 'warning', text: alsoRenamed(owners.renamed) });
  if (owners.otherFiles.length > 0) screen.show({ event: 'warning', text: otherFiles(ops, owners.otherFiles) });
  if (hold.lockProject) await nameRunning(ops, stack);
  hold.claimed.add(stack.project);
}

/** Volumes that the compose file names, but that another project made. */
export function foreignVolumes({ project }: Pick<Stack, 'project'>, volumes: readonly ExistingVolume[]): Reason[] {
  const foreign = volumes.filter((v) => v.project !== undefined && v.project !== project);
  return foreign.map(({ name, project: other = '' }) => ({
    text: {
      en: `Volume ${name} belongs to another compose project (${printable(other)}).`,
      zh: `卷 ${name} 属于另一个 compose 项目 (${printable(other)}).`,
    },
    fix: {
      en: 'Give this deployment volume names of its own, or run the script in that project.',
      zh: '请为本部署使用独立的卷名, 或在该项目中运行脚本.',
    },
  }));
}

/** @throws {OpsError} `precondition` naming all {@link foreignVolumes}. */
export const refuseForeignVolumes = (stack: Pick<Stack, 'project'>, volumes: readonly ExistingVolume[]): void =>
  throwIfAny(foreignVolumes(stack, volumes));

const listOf = (made: readonly Made[]): string => [...new Set(made.map(({ dir }) => printable(dir)))].join(', ');
const namesOf = (made: readonly Made[]): string => made.map(({ name }) => printable(name)).join(', ');

type Refusal = Pick<OpsError, 'what' | 'next'>;

function refusalOf(ops: Ops, { project }: Pick<Stack, 'project'>, owners: Owners): Refusal | undefined {
  const here = printable(ops.target.dir);
  const { others, moved, renamed, count } = owners;
  if (others.length > 0) {
    const there = listOf(others);
    const typed = [...new Set(others.map(({ dir }) => printable(asTyped(['--dir', dir]))))].join(', ');
    return {
      what: {
        en: `Compose project ${project} was made by another directory: ${there} (${namesOf(others)}). This one is ${here}.`,
        zh: `compose 项目 ${project} 由另一个目录创建: ${there} (${namesOf(others)}). 当前目录为 ${here}.`,
      },
      next: [
        {
          en: `If that stack is meant: run the script with ${typed}`,
          zh: `若要操作那套服务: 请使用 ${typed} 运行脚本`,
        },
        {
          en: 'If this directory is to have a stack of its own: COMPOSE_PROJECT_NAME=<another name> in its .env, and container names and ports of its own.',
          zh: '若本目录应有独立的服务: 在其 .env 中设置 COMPOSE_PROJECT_NAME=<其他名称>, 并使用不同的容器名和端口.',
        },
        ADOPT,
      ],
    };
  }
  if (moved.length > 0) {
    return {
      what: {
        en: `Compose project ${project} was made by ${listOf(moved)}, which is no longer there (${namesOf(moved)}). Was it moved to ${here}?`,
        zh: `compose 项目 ${project} 由 ${listOf(moved)} 创建 (${namesOf(moved)}), 该目录已不存在. 是否已移动到 ${here}?`,
      },
      next: [ADOPT],
    };
  }
  if (renamed.length > 0 && count === 0) {
    const [{ project: former = '' } = {}] = renamed;
    const name = printable(former);
    return {
      what: {
        en: `This directory's stack runs as compose project ${name} (${namesOf(renamed)}); by its present name, ${project}, there is nothing. Its data is in volumes of ${name}.`,
        zh: `本目录的服务属于 compose 项目 ${name} (${namesOf(renamed)}); 而按当前名称 ${project} 没有任何容器. 数据位于项目 ${name} 的卷中.`,
      },
      next: [
        ...otherNames(ops, renamed),
        {
          en: `Give the project its name back: COMPOSE_PROJECT_NAME=${name} in .env (or name: ${name} in ${ops.target.composeFile}).`,
          zh: `恢复项目名称: 在 .env 中设置 COMPOSE_PROJECT_NAME=${name} (或在 ${ops.target.composeFile} 中写 name: ${name}).`,
        },
      ],
    };
  }
  return undefined;
}

/** By this name of the same directory compose found that project's name: a link, or what it leads to. */
function otherNames({ target }: Ops, renamed: readonly Made[]): Text[] {
  const named = renamed.filter(({ dir, project }) => dir !== target.dir && nameFrom(dir) === project);
  return [...new Set(named.map(({ dir }) => printable(asTyped(['--dir', dir]))))].map((typed) => ({
    en: `By another name of this directory it is found: run the script with ${typed}`,
    zh: `本目录还有另一个路径, 按该路径可以找到这套服务: 请使用 ${typed} 运行脚本`,
  }));
}

/** As compose calls the project of a directory that nothing else gives a name. */
const nameFrom = (dir: string): string =>
  path
    .basename(dir)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');

const ADOPT: Text = {
  en: 'If this directory is to take it over: deploy-prod-all, update-prod-flask, apply-env, restore-prod, rollback-prod or upgrade-postgres with --adopt, which shows what and asks.',
  zh: '若要由本目录接管: 使用 --adopt 运行 deploy-prod-all、update-prod-flask、apply-env、restore-prod、rollback-prod 或 upgrade-postgres, 会列出内容并要求确认.',
};

/** @throws {OpsError} `declined` */
async function agreeToAdopt(ops: Ops, hold: Hold, { project }: Pick<Stack, 'project'>, foreign: readonly Made[]) {
  const title: Text = {
    en: `${printable(ops.target.dir)} takes over what another directory made:`,
    zh: `${printable(ops.target.dir)} 将接管由其他目录创建的容器:`,
  };
  const losses = foreign.map((made): Row => [same(printable(made.name)), same(printable(made.dir))]);
  if (hold.lockProject === undefined) {
    ops.screen.show({ event: 'warning', text: title });
    ops.screen.show({ event: 'table', id: 'adopted', rows: losses });
  } else {
    const phrase = `ADOPT ${project}`;
    const containers = foreign.map((m) => m.id);
    await confirmDestructive(ops, { title, phrase, volumes: [], containers, losses }, hold.phrase);
  }
  for (const { id, dir } of foreign) hold.adopted.set(id, dir);
}

const alsoRenamed = (renamed: readonly Made[]): Text => ({
  en: `There are also containers that this directory made under another project name: ${namesOf(renamed)} (${printable(renamed[0]?.project ?? '')}).`,
  zh: `另有本目录以其他项目名创建的容器: ${namesOf(renamed)} (${printable(renamed[0]?.project ?? '')}).`,
});

const otherFiles = (ops: Ops, made: readonly Made[]): Text => {
  const files = [...new Set(made.flatMap((m) => m.files.map(printable)))].join(', ');
  const own = composeFiles(ops.target)
    .map((file) => printable(path.relative(ops.target.dir, file)))
    .join(', ');
  return {
    en: `${namesOf(made)}: made with ${files}. These scripts use ${own} alone: whatever is replaced is as that says.`,
    zh: `${namesOf(made)}: 创建时使用了 ${files}. 脚本只使用 ${own}, 重建的容器以此为准.`,
  };
};

/** What `--adopt` and `--confirm` say. */
export type Asked = Pick<Hold, 'adopt' | 'phrase'>;

/** A run that only looks lays hands on nothing; it says what it would. */
export const looking = (asked: Asked): Hold => ({ ...asked, claimed: new Set(), adopted: new Map() });
