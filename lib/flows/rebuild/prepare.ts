import path from 'node:path';
import { type Ops, runName } from '../../core/ops.ts';
import { ask, change, run } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { type AdminCreated, type AdminResult, createAdmin, ensureAdmin, revealAdmin } from '../../domain/app/admin.ts';
import type { TriedImage } from '../../domain/replacement/try-start.ts';
import { type Migrated, migrationEvidence } from '../../domain/schema/migrate.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { databaseVolume, loginOf, serverWords } from '../../domain/stack/stack.ts';
import { copyOut } from '../../tools/docker/container-files.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { stop } from '../../tools/docker/docker.ts';
import { discardContainer, discardNetwork, ownerLabels } from '../../tools/docker/helpers.ts';
import { seenAt } from '../../tools/files/seen.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { migrateAndSeed } from './migrate.ts';
import type { Rebuild, Seen, Started } from './rebuild.ts';
import { look } from './stores.ts';

const READY_MS = 60_000;
const GRACE_SECONDS = 60;

/** A new database cluster as files: initialised, migrated, seeded, with its admin; ready to be put into a new volume. */
export interface PreparedDatabase {
  readonly file: string;
  readonly mountPoint: string;
  readonly migrated: Migrated;
  readonly admin: AdminCreated;
  /** What it answered as it was put away: its files say the same when they are started again. */
  readonly seen: Seen;
}

export const preparedFile = (ops: Ops): string => path.join(ops.paths.run, 'prepared-database.tar');

/** What follows a deletion is made before it: an empty database that can't be migrated harms nobody yet. */
export function prepareStep({ facts, plan }: Rebuild): Step<PreparedDatabase, [string, TriedImage]> | undefined {
  if (plan.deletes.length === 0) return undefined;
  const { postgres } = facts.stack.services;
  return {
    id: 'prepare',
    title: {
      en: 'Prepare the new database aside: initialise, migrate, seed, admin',
      zh: '在独立容器中预先准备新数据库: 初始化、迁移、写入种子数据、创建管理员',
    },
    risk: 'none',
    commands: [
      {
        en: `docker run --network <of its own> --network-alias ${postgres.key} ${postgres.image}`,
        zh: `docker run --network <独立网络> --network-alias ${postgres.key} ${postgres.image}`,
      },
      'docker exec <one-off> flask db upgrade; psql over TCP',
      { en: 'docker cp <its data> - > prepared-database.tar', zh: 'docker cp <其数据> - > prepared-database.tar' },
    ],
    seconds: 10,
    run: (ops, imageId, { head }) => prepareDatabase(ops, facts, imageId, head),
    evidence: ({ migrated }) => migrationEvidence(migrated),
    undo: (ops) => discardPreparation(ops, facts),
  };
}

/**
 * Makes the database that will follow a deletion, while the old one still serves: on a network of its own, where the service name
 * of the database means the new server, without any of the project's volumes. What would go wrong in an empty database goes wrong
 * here, where it harms nobody, and the outage has not to wait for it.
 */
async function prepareDatabase(ops: Ops, facts: Facts, imageId: string, head: string): Promise<PreparedDatabase> {
  const names = namesOf(ops, facts);
  const volume = databaseVolume(facts.stack.volumes);
  if (volume === undefined) throw new Error('the database has no volume');
  try {
    await run(ops, change(['docker', 'network', 'create', '--internal', ...ownerLabels(ops), names.network]));
    const [server, oneOff] = await Promise.all([
      startServer(ops, facts, names),
      startOneOff(ops, facts, names, imageId),
    ]);
    const db = { container: server, ...loginOf(facts.stack), volume: { name: '', createdAt: '' } };
    await waitForPostgres(ops, db, READY_MS);
    const migrated = await migrateAndSeed(ops, db, { oneOff, head });
    const admin = await createAdmin(ops, oneOff);
    const seen = await look(ops, facts, db);
    await run(ops, stop(server.id, GRACE_SECONDS));
    const file = preparedFile(ops);
    if (!(await copyOut(ops, server.id, volume.mountPoint, file)))
      throw new Error('the prepared database has no files');
    return { file, mountPoint: volume.mountPoint, migrated, admin, seen };
  } finally {
    await discardPreparation(ops, facts);
  }
}

/** Removes what the preparation needed, by name, also after an interruption. */
async function discardPreparation(ops: Ops, facts: Facts): Promise<void> {
  const { network, server, oneOff } = namesOf(ops, facts);
  await Promise.all([discardContainer(ops, server), discardContainer(ops, oneOff)]);
  await discardNetwork(ops, network);
}

function namesOf(ops: Ops, facts: Facts) {
  const prefix = `${facts.stack.project}-prepare-${runName(ops).slice(0, 16)}`;
  return { network: prefix, server: `${prefix}-postgres`, oneOff: `${prefix}-app` };
}

type Names = ReturnType<typeof namesOf>;

async function startServer(ops: Ops, facts: Facts, names: Names): Promise<Container> {
  const { postgres } = facts.stack.services;
  const env = postgres.environment;
  const id = await ask(
    ops,
    change(
      [
        ...['docker', 'run', '-d', '--pull', 'never', '--name', names.server, ...ownerLabels(ops)],
        ...['--network', names.network, '--network-alias', postgres.key],
        ...serverWords(postgres, { env, image: postgres.image }),
      ],
      { env },
    ),
  );
  return inspectContainer(ops, id);
}

async function startOneOff(ops: Ops, facts: Facts, names: Names, imageId: string): Promise<string> {
  const { environment: env, user, mounts, supplied } = facts.stack.services.app;
  const dotEnv = `${ops.target.app.root}/.env`;
  // What it reads: nothing of production's is written to, and a directory that it could write to is not there.
  const read = [...mounts, ...supplied].filter(
    ({ kind, source, target, readOnly }) =>
      kind === 'bind' && target !== dotEnv && (readOnly || seenAt(source)?.isFile()),
  );
  return ask(
    ops,
    change(
      [
        ...['docker', 'run', '-d', '--pull', 'never', '--name', names.oneOff, ...ownerLabels(ops)],
        ...['--network', names.network, ...(user ? ['--user', user] : [])],
        ...Object.keys(env).flatMap((name) => ['-e', name]),
        ...[`${path.join(ops.target.dir, '.env')}:${dotEnv}`, ...read.map((m) => `${m.source}:${m.target}`)].flatMap(
          (mount) => ['-v', `${mount}:ro`],
        ),
        ...['--entrypoint', 'sleep', imageId, '86400'],
      ],
      { env },
    ),
  );
}

/** What the deleted database is followed by has its admin already; whom nobody has been told. */
export const adminStep = (): Step<AdminResult, [Started, TriedImage, PreparedDatabase | undefined]> => ({
  id: 'admin',
  title: { en: 'Create the user admin if there is none', zh: '若不存在管理员账号 admin 则创建' },
  risk: 'none',
  commands: [
    {
      en: 'docker exec -i <one-off> python -  # asks the application',
      zh: 'docker exec -i <one-off> python -  # 由应用自身查询',
    },
  ],
  async run(ops, seen, { oneOff }, prepared) {
    if (prepared) return revealAdmin(ops, prepared.admin);
    return seen.admin ? { kind: 'existed' } : ensureAdmin(ops, oneOff);
  },
  evidence: adminEvidence,
});

function adminEvidence(admin: AdminResult): Text {
  if (admin.kind === 'existed') return { en: 'exists', zh: '已存在' };
  return admin.shown === 'file'
    ? {
        en: `created; password in ${admin.file} (mode 0600; delete it after use)`,
        zh: `已创建; 密码保存在 ${admin.file} (权限 0600, 使用后请删除)`,
      }
    : { en: 'created; password shown above', zh: '已创建; 密码见上方' };
}
