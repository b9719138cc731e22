import type { Ops } from '../../core/ops.ts';
import { section } from '../../core/screen.ts';
import { humanBytes, printable, same, spanText, type Text } from '../../core/text.ts';
import { verificationText } from '../../domain/backup/messages.ts';
import { lastDrillText } from '../../domain/ledger/drills.ts';
import { showSteps } from '../../runs/steps/show-steps.ts';
import type { Steps } from '../../runs/steps/steps.ts';
import type { Facts } from './facts.ts';

/** What was found and what will be done. */
export function showPlan(ops: Ops, facts: Facts, steps: Steps): void {
  const { show } = ops.screen;
  const { backup, code, limits } = facts;
  const { manifest } = backup;
  const age = spanText(ops.clock.now() - Date.parse(manifest.createdAt));
  const size = humanBytes(manifest.databaseBytes);
  const level = verificationText(manifest.verification);
  section(ops.screen, { en: 'What will be rehearsed', zh: '演练内容' }, 'facts', [
    [{ en: 'backup', zh: '备份' }, same(printable(manifest.id))],
    [
      { en: 'its data', zh: '备份数据' },
      { en: `${age.en} old, ${size}, verified: ${level.en}`, zh: `${age.zh}前, ${size}, ${level.zh}` },
    ],
    [{ en: 'code', zh: '代码' }, codeText(facts)],
    [
      { en: 'may use', zh: '资源上限' },
      {
        en: `${limits.cpus} processors and ${humanBytes(limits.memory)} each for database and application; production comes first`,
        zh: `数据库与应用各 ${limits.cpus} 核, ${humanBytes(limits.memory)}; 生产优先`,
      },
    ],
    [{ en: 'last drill', zh: '上次演练' }, lastDrillText(ops.paths, ops.clock.now())],
  ]);
  if (code.kind === 'build') show({ event: 'info', text: BUILT });
  showSteps(ops.screen, steps);
}

const BUILT: Text = {
  en: 'No image is known to be of this commit, so one is built; the engine sets no limits on a build.',
  zh: '没有该提交的现成镜像, 需要构建; 构建过程不受上述资源上限约束.',
};

/** Commit and where its image comes from. */
export function codeText({ code }: Facts): Text {
  const what = printable(`${code.commit?.slice(0, 10) ?? '?'} ${code.subject}`.trim());
  return code.kind === 'image'
    ? { en: `${what} (the image that runs)`, zh: `${what} (当前运行的镜像)` }
    : { en: `${what} (to be built)`, zh: `${what} (需构建)` };
}
