import type { Ops } from '../../core/ops.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { bringFreezer, type Freezer } from '../../domain/app/freezer.ts';
import type { RequestHold } from '../../domain/hold/hold.ts';
import { releaseCommands, takeInCommands } from '../../domain/hold/messages.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import type { Facts } from '../../domain/restoration/facts.ts';
import { TRANSACTION_SECONDS, untilNoTransaction } from '../../tools/postgres/transactions.ts';

/**
 * Between these two the application stands still: requests that come wait, those under way have ended what they had begun in the database, and
 * nothing is written to one that is about to be put aside. Its health check goes on, and only waits as well.
 */
export function standstillSteps(
  { app, database }: Facts,
  holds: HoldFacts,
  hold: RequestHold,
): { readonly hold?: Step; readonly release?: Step } {
  if (app?.state !== 'running') return {};
  let freezer: Freezer | undefined;
  /** Changes nothing when they go on already. */
  const goOn = async (ops: Ops) => {
    try {
      await freezer?.thaw();
    } finally {
      // Whoever waits is let go all the same: a container that died meanwhile has nothing that stands still.
      await hold.release(ops, app);
      await freezer?.end();
    }
    freezer = undefined; // after a failure it is tried once more, by whoever undoes
  };
  return {
    hold: {
      id: 'hold',
      title: { en: 'Hold requests and freeze the application', zh: '暂存请求, 并冻结应用' },
      risk: holds.kind === 'holds' ? 'changes' : 'interrupts',
      commands: [
        ...takeInCommands(holds),
        {
          en: `pg_stat_activity: until no transaction is open that is younger than ${TRANSACTION_SECONDS} s, for as long at most`,
          zh: `pg_stat_activity: 等到最近 ${TRANSACTION_SECONDS} 秒内开始的事务都已结束, 最多等 ${TRANSACTION_SECONDS} 秒`,
        },
        {
          en: 'kill -STOP: its programs, but not nginx nor the health check',
          zh: 'kill -STOP: 应用各程序, nginx 与健康检查除外',
        },
      ],
      wayBack: {
        en: 'they go on; also by themselves, should this run be killed',
        zh: '应用各程序继续运行; 即使本次运行被强制终止, 也会自动继续',
      },
      async run(ops) {
        // First: whoever waits does not wait for this.
        freezer = await bringFreezer(ops, app.id);
        await hold.begin(ops, app);
        const open = hold.holding ? await untilNoTransaction(ops, server(database), database.name) : 0;
        if (open > 0) ops.screen.show({ event: 'warning', text: areEnded(open) });
        await freezer.freeze();
      },
      undo: goOn,
    },
    release: {
      id: 'release',
      title: { en: 'Unfreeze the application and pass the held requests on', zh: '解冻应用, 放行暂存的请求' },
      risk: 'none',
      commands: [{ en: 'kill -CONT: the same programs', zh: 'kill -CONT: 上述程序' }, ...releaseCommands(holds)],
      run: goOn,
    },
  };
}

/** From outside of the database, which is about to be renamed. */
const server = ({ container, user }: Facts['database']) => ({ container, user, name: 'template1' });

const areEnded = (count: number): Text => ({
  en: `${count} transactions did not come to an end within ${TRANSACTION_SECONDS} s; the swap ends their sessions.`,
  zh: `有 ${count} 个事务在 ${TRANSACTION_SECONDS} 秒内未能结束; 交换名称时将终止其会话.`,
});
