import type { Ops } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { askHealth } from '../../domain/app/ask-health.ts';
import { describeHealth, type Health } from '../../domain/app/health.ts';
import type { Beside } from '../../domain/data/restore.ts';
import { removeOneOff, tryImage } from '../../domain/replacement/try-start.ts';
import type { ImageWay } from './facts.ts';
import { unfit } from './unfit.ts';

interface Tried {
  readonly head: string;
  readonly health: Health;
}

export function tryStep(way: ImageWay): Step<Tried, [Beside | undefined]> {
  const { key } = way.facts.stack.services.app;
  return {
    id: 'try',
    title: way.data
      ? { en: 'Try the old code on the restored data', zh: '在恢复的数据上试运行旧代码' }
      : { en: 'Try the old code on the current database', zh: '在当前数据库上试运行旧代码' },
    risk: 'none',
    commands: [
      `docker compose run ${key} <one-off>`,
      {
        en: `docker compose run ${key} <trial>  # entrypoint, nginx -t, gunicorn --check-config`,
        zh: `docker compose run ${key} <trial>  # 入口脚本, nginx -t, gunicorn --check-config`,
      },
      {
        en: `GET ${way.target.health.deep[0]}  # asked inside, no server`,
        zh: `GET ${way.target.health.deep[0]}  # 在容器内直接调用, 不启动服务`,
      },
    ],
    seconds: 10,
    run: (ops, beside) => tryOnDatabase(ops, way, beside?.incoming),
    evidence: (tried) => tryEvidence(way, tried),
    undo: (ops) => removeOneOff(ops, way.facts),
  };
}

/**
 * Creates the application of the former image beside what serves, on the database that it would have, and asks it for its health.
 *
 * @throws {OpsError} `precondition` when the code runs and its health on that database is not good.
 */
async function tryOnDatabase(ops: Ops, way: ImageWay, database: string | undefined): Promise<Tried> {
  // Whether it knows the revision decides nothing: a schema that is newer may do as well, which its health tells.
  const { oneOff, head } = await tryImage(ops, way.facts, undefined);
  const health = await askHealth(ops, oneOff, database);
  if (health.healthy) return { head, health };
  const sick = failed(describeHealth(health));
  throw database === undefined ? unfit(way.choice, sick) : sick;
}

function tryEvidence({ revision, data }: ImageWay, { head, health }: Tried): Text {
  const said = describeHealth(health);
  const is = data?.incoming.kind === 'backup' ? data.incoming.stored.manifest.contents.alembic : revision;
  if (is === head) return { en: `schema ${head}; ${said.en}`, zh: `结构版本 ${head}; ${said.zh}` };
  return {
    en: `the schema is at ${is ?? '-'}, this code was made for ${head}; it is healthy there all the same: ${said.en}`,
    zh: `数据库结构版本为 ${is ?? '-'}, 该代码对应 ${head}, 但在该结构上健康检查通过: ${said.zh}`,
  };
}
