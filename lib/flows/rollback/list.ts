import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { type Row, say, section } from '../../core/screen.ts';
import { joined, printable, same, type Text } from '../../core/text.ts';
import { choicesOf } from './choices.ts';
import type { Choice, Facts } from './facts.ts';

const SHOWN = 20;

/** What was released here, newest first, and how each can be gone back to. */
export function showReleases(ops: Ops, facts: Facts): Text {
  const choices = choicesOf(facts);
  const { show } = ops.screen;
  section(ops.screen, { en: 'Releases', zh: '发布记录' }, 'releases', choices.slice(0, SHOWN).flatMap(rowsOf));
  if (facts.running !== undefined && !choices.some((c) => c.runsNow)) {
    const runs = facts.running.slice(0, 10);
    show({
      event: 'warning',
      text: { en: `What runs now is not one of them: ${runs}`, zh: `当前运行的版本不在记录中: ${runs}` },
    });
  }
  const back = choices.filter((c) => !c.runsNow && (c.hot.open || c.image.open));
  if (back.length > 0) {
    say(ops.screen, 'info', {
      en: 'To go back: npx tsx scripts/rollback-prod.ts previous, or the beginning of a commit id. --plan only shows what would be done.',
      zh: '回退命令: npx tsx scripts/rollback-prod.ts previous, 或使用提交 id 的前几位. 加 --plan 只显示将要执行的内容.',
    });
  }
  return {
    en: `${choices.length} releases, ${back.length} to go back to`,
    zh: `共 ${choices.length} 个版本, 可回退 ${back.length} 个`,
  };
}

function rowsOf(choice: Choice): Row[] {
  const { release, runsNow, backup } = choice;
  const short = release.commit.slice(0, 10);
  const kind = kindOf(release.kind, release.way);
  const image = release.imageId.replace(/^sha256:/, '').slice(0, 12);
  const at = release.at.slice(0, 19).replace('T', ' ');
  const subject = printable(release.subject);
  return [
    [same(runsNow ? `→ ${short}` : `  ${short}`), same(`${subject} (${at}Z)`)],
    [
      same(''),
      {
        en: `${kind.en}, image ${image}${release.verdict ? `, ${printable(release.verdict.en)}` : ''}`,
        zh: `${kind.zh}, 镜像 ${image}${release.verdict ? `, ${printable(release.verdict.zh)}` : ''}`,
      },
    ],
    [same(''), runsNow ? { en: 'RUNS NOW', zh: '当前运行' } : waysText(choice)],
    ...(backup === undefined || runsNow ? [] : [[same(''), dataText(path.basename(backup))] as const]),
  ];
}

const dataText = (id: string): Text => ({ en: `its data: --data ${id}`, zh: `其数据: --data ${id}` });

function waysText({ hot, image }: Choice): Text {
  const back = { en: 'back: ', zh: '回退: ' };
  const ways = [
    hot.open
      ? { en: 'hot, no request lost', zh: '热回退, 不丢请求' }
      : { en: `not hot (${hot.why.en})`, zh: `不能热回退 (${hot.why.zh})` },
    image.open
      ? { en: 'by image, requests wait or are refused for some seconds', zh: '替换镜像, 请求等待或被拒绝数秒' }
      : { en: `not by image (${image.why.en})`, zh: `不能替换镜像 (${image.why.zh})` },
  ];
  const { en, zh } = joined(ways);
  return { en: back.en + en, zh: back.zh + zh };
}

function kindOf(kind: Choice['release']['kind'], way: Choice['release']['way']): Text {
  if (kind === 'rollback') {
    return way === 'hot' ? { en: 'rollback, hot', zh: '热回退' } : { en: 'rollback, by image', zh: '镜像回退' };
  }
  const kinds = {
    found: { en: 'found here', zh: '原有版本' },
    rebuild: { en: 'full', zh: '全量' },
    hot: { en: 'hot', zh: '热更新' },
    restore: { en: 'restore', zh: '数据恢复' },
    env: { en: '.env', zh: '.env 变更' },
  };
  return kinds[kind];
}
