import { decline } from './refusal.ts';
import type { Screen } from './screen.ts';
import type { Text } from './text.ts';

/** The one question before a change that destroys nothing. @throws {OpsError} `declined` */
export async function agree(screen: Pick<Screen, 'askYes'>, question: Text): Promise<void> {
  if (await screen.askYes(question)) return;
  throw decline(
    { en: 'Cancelled.', zh: '已取消.' },
    { en: 'Without a terminal, pass --yes.', zh: '无终端环境请使用 --yes.' },
  );
}
