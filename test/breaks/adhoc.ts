import { type Break, edit } from './break.ts';

const script = (named: string) => ({ test: 'test/unit/adhoc/script.test.ts', named });

/** Scripts of one's own. */
export const ADHOC: readonly Break[] = [
  {
    what: { en: 'a query of one’s own may write', zh: '自编脚本的查询可以写入' },
    edits: [edit('lib/adhoc/database.ts', 'BEGIN TRANSACTION READ ONLY;', 'BEGIN;')],
    ...script('asks PostgreSQL in a transaction that is READ ONLY'),
  },
  {
    what: { en: 'psql reads the SQL of a query itself', zh: '查询的 SQL 由 psql 自行解析' },
    edits: [edit('lib/adhoc/database.ts', 'DO ${literal(open)};', 'DECLARE answer CURSOR FOR ${sql};')],
    ...script('asks PostgreSQL in a transaction that is READ ONLY'),
  },
  {
    what: { en: 'a value in SQL may stand in quotes', zh: 'SQL 中的值可以位于引号内' },
    edits: [edit('lib/adhoc/sql.ts', 'if (!endsInCode(before)) throw', 'if (pieces.length < 0) throw')],
    test: 'test/unit/adhoc/sql.test.ts',
    named: 'refuses a value inside',
  },
  {
    what: { en: 'a cell is cut before it is redacted', zh: '表格单元先截断后脱敏' },
    edits: [edit('lib/adhoc/output.ts', 'clean(textOfCell(row[name]))', 'textOfCell(row[name])')],
    ...script('cuts no secret in two'),
  },
  {
    what: { en: 'console.log goes past the screen', zh: 'console.log 绕过统一输出' },
    edits: [edit('lib/adhoc/script.ts', 'hearConsole(ops.screen)', '() => hearConsole(ops.screen)')],
    ...script('redacts on every way out'),
  },
  {
    what: { en: 'Redis is not asked what a command does', zh: '不询问 Redis 命令是否只读' },
    edits: [edit('lib/adhoc/redis.ts', "effect === 'read' && NO_LOOK", "effect !== 'read' && NO_LOOK")],
    ...script('sends Redis nothing that it flags'),
  },
  {
    what: { en: 'a command goes on inside when its client is stopped', zh: '客户端终止后命令仍在容器内运行' },
    edits: [edit('lib/adhoc/service.ts', '[...within, ...argv]', 'argv')],
    ...script('ends a command inside its container, too'),
  },
  {
    what: { en: 'a script that looks gets the steps', zh: '只读脚本也能使用 steps' },
    edits: [edit('lib/adhoc/script.ts', 'changes ? answers : undefined', 'answers')],
    ...script('has nothing in its hands that changes'),
  },
  {
    what: { en: 'a script of one’s own changes another directory’s stack', zh: '自编脚本会改动其他目录的服务' },
    edits: [edit('lib/adhoc/handle.ts', "if (use === 'change') await claimStack(ops, stack);", '')],
    ...script('changes nothing that another directory made'),
  },
  {
    what: { en: 'steps of one’s own are not proved in the end', zh: '自编步骤结束后不作证明' },
    edits: [
      edit(
        'lib/adhoc/steps.ts',
        "ops.screen.show({ event: 'ok', text: await asBefore(ops, before, serving) });",
        "ops.screen.show({ event: 'ok', text: GO_ON });",
      ),
    ],
    ...script('needs a person when it is not as healthy as before'),
  },
];
