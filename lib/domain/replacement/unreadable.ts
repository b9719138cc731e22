import type { Ops } from '../../core/ops.ts';
import { type CommandError, ifFails } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import { TableLocked } from '../../tools/postgres/table-locked.ts';
import { backupsOf } from '../backup/find.ts';
import { databaseSizes } from '../data/left-databases.ts';
import type { Unreadable } from '../stack/deployment.ts';

/** Names the cause as far as the server's answer tells it; looks once more where that helps. */
export async function whyUnreadable(ops: Ops, db: Database, error: CommandError): Promise<Unreadable> {
  const [fix] = error.next;
  if (error instanceof TableLocked && fix) return { why: error.what, fix };
  const said = error.output.stderr;
  const name = printable(db.name);
  const user = printable(db.user);
  if (/database ".*" does not exist/.test(said)) {
    const there = (await databasesOf(ops, db)).join(', ');
    return {
      why: {
        en: `the server has no database ${name} (POSTGRES_DB); it has ${there}`,
        zh: `PostgreSQL 中没有数据库 ${name} (POSTGRES_DB); 现有: ${there}`,
      },
      fix: {
        en: 'If POSTGRES_DB in .env is wrong, correct it, and DATABASE_URL with it. If the database is lost: npx tsx scripts/restore-prod.ts',
        zh: '若 .env 中的 POSTGRES_DB 有误, 请修正 (DATABASE_URL 也要一致). 若数据库已丢失: npx tsx scripts/restore-prod.ts',
      },
    };
  }
  if (/role ".*" does not exist/.test(said)) {
    const [last] = backupsOf(ops, undefined);
    const former = last && printable(last.manifest.user);
    return {
      why: {
        en: `the server has no role ${user} (POSTGRES_USER)`,
        zh: `PostgreSQL 中没有角色 ${user} (POSTGRES_USER)`,
      },
      fix: former
        ? {
            en: `The last backup was taken as ${former}: set POSTGRES_USER in .env to that, and DATABASE_URL with it.`,
            zh: `上次备份使用的角色是 ${former}: 请将 .env 中的 POSTGRES_USER 改为它 (DATABASE_URL 也要一致).`,
          }
        : {
            en: 'Set POSTGRES_USER in .env to the role that the cluster was made with, and DATABASE_URL with it.',
            zh: '请将 .env 中的 POSTGRES_USER 改为初始化该集群时的角色 (DATABASE_URL 也要一致).',
          },
    };
  }
  if (/too many clients|connection slots|too many connections/.test(said)) {
    return {
      why: { en: 'all its connections are taken', zh: '数据库连接已耗尽' },
      fix: {
        en: 'End what holds them, or wait until they are given back, then run this again.',
        zh: '请结束占用连接的程序, 或等待连接释放后重新运行.',
      },
    };
  }
  if (/no password supplied|authentication failed for user|no pg_hba\.conf entry/.test(said)) {
    const container = printable(db.container.name);
    const line = `sed -i "1i local all all trust" "$PGDATA/pg_hba.conf"`;
    const mend = `docker exec -u postgres ${container} sh -c '${line}' && docker kill -s HUP ${container}`;
    return {
      why: {
        en: 'its own socket, inside its container, lets nobody in without a password (the `local` lines of pg_hba.conf)',
        zh: '容器内的本地 socket 要求密码 (pg_hba.conf 的 local 行)',
      },
      fix: {
        en: `Let in whoever is in the container, who could read its files anyway; passwords over the network stay: ${mend}`,
        zh: `请放行容器内的本地连接 (能进入容器者本就能读取其文件; 网络连接仍需密码): ${mend}`,
      },
    };
  }
  return {
    why: error.what,
    fix: {
      en: `See what it says: docker logs --tail 100 ${printable(db.container.name)}`,
      zh: `查看日志: docker logs --tail 100 ${printable(db.container.name)}`,
    },
  };
}

const databasesOf = async (ops: Ops, db: Database): Promise<string[]> =>
  (await databaseSizes(ops, db).catch(ifFails(() => []))).map((d) => printable(d.name));
