import { refuse } from '../../core/refusal.ts';
import { joined, printable, type Text } from '../../core/text.ts';
import type { Release } from '../../domain/ledger/releases.ts';
import type { Choice, Facts, Way } from './facts.ts';

const SHORTEST = 4;

/** Every release of the ledger, newest first; of a commit that was released several times, the last. Pure. */
export function choicesOf(facts: Facts): Choice[] {
  const newest = new Map<string, number>();
  facts.releases.forEach((r, i) => {
    newest.set(r.commit, i);
  });
  return [...newest.values()].sort((a, b) => b - a).map((at) => choiceOf(facts, at));
}

function choiceOf(facts: Facts, at: number): Choice {
  const release = facts.releases[at] as Release;
  const later = facts.releases.slice(at + 1);
  return {
    release,
    runsNow: release.commit === facts.running,
    hot: hotWay(facts, release),
    image: imageWay(facts, release),
    // A release that found no migration pending made no backup: then the next one's has this one's schema.
    backup: later.map((r) => r.backup).find((dir) => dir !== undefined && facts.backups.has(dir)),
  };
}

function hotWay({ rebuild, serving }: Facts, { commit }: Release): Way<undefined> {
  const reasons = rebuild.get(commit);
  if (reasons === undefined) return closed('its commit is not in the repository', '仓库中没有该提交');
  const [first, ...more] = reasons;
  if (first) {
    const what = printable(first.path) + (more.length > 0 ? `, +${more.length}` : '');
    return closed(`it needs another image (${what})`, `需要另一个镜像 (${what})`);
  }
  if (!serving) return closed('the application does not serve', '应用当前未正常服务');
  return { open: true, with: undefined };
}

function imageWay({ releases, images, kept }: Facts, { commit }: Release): Way<{ readonly id: string }> {
  const made = releases.filter((r) => r.commit === commit && (r.kind === 'rebuild' || r.way === 'image'));
  const own = made.map((r) => r.imageId).findLast((id) => images.has(id));
  if (own !== undefined) return { open: true, with: { id: own } };
  // What ran before a release was kept with all that had been hot-updated in it.
  const before = releases.flatMap((r, i) => {
    const was = r.previousCommit ?? releases[i - 1]?.commit;
    return r.previousImage !== undefined && was === commit ? [r.previousImage] : [];
  });
  const id = before.map((tag) => kept.get(tag)).findLast((found) => found !== undefined);
  if (id !== undefined) return { open: true, with: { id } };
  return made.length + before.length > 0
    ? closed('its image was removed', '镜像已被删除')
    : closed('it has no image of its own', '没有独立的镜像');
}

const closed = (en: string, zh: string) => ({ open: false as const, why: { en, zh } });

/**
 * The release that is meant.
 *
 * @param wanted the beginning of a commit id, or `previous`: the last one before the one that runs.
 * @throws {OpsError} `precondition` when there is none, several, or it runs already and whole.
 */
export function findChoice(facts: Facts, wanted: string): Choice {
  const choices = choicesOf(facts);
  const commit = wanted === 'previous' ? previousCommit(facts) : undefined;
  const id = wanted.toLowerCase();
  const found = choices.filter(({ release }) =>
    wanted === 'previous'
      ? release.commit === commit
      : id.length >= SHORTEST && /^[0-9a-f]+$/.test(id) && release.commit.startsWith(id),
  );
  const [choice, ...others] = found;
  if (choice === undefined) throw refused(unknown(wanted));
  if (others.length > 0) {
    const list = found.map((c) => c.release.commit.slice(0, 12)).join(', ');
    throw refused({ en: `${wanted} matches several releases: ${list}`, zh: `${wanted} 匹配到多个版本: ${list}` });
  }
  // Of a run that was killed, or could not tidy up, the way back, or the rest of the way, leads to what seems to run.
  if (choice.runsNow && facts.cutShort === undefined) {
    const short = choice.release.commit.slice(0, 10);
    throw refused({ en: `${short} is what runs.`, zh: `${short} 正在运行.` });
  }
  return choice;
}

/**
 * What ran before: the newest entry of another commit, before the newest entry of the running one.
 *
 * What a way back that was cut short was to leave is still the newest entry: there the same word means the same again. After any
 * other run that was cut short it leads away from what that one brought.
 */
function previousCommit({ releases, running, cutShort }: Facts): string | undefined {
  const known = releases.some((r) => r.commit === running);
  const from = cutShort === 'back' && known ? releases.at(-1)?.commit : running;
  const at = releases.findLastIndex((r) => r.commit === from);
  return (at < 0 ? releases : releases.slice(0, at)).findLast((r) => r.commit !== from)?.commit;
}

const unknown = (wanted: string): Text =>
  wanted === 'previous'
    ? { en: 'No earlier release is recorded here.', zh: '没有更早的发布记录.' }
    : {
        en: `No release ${printable(wanted)} is recorded here (at least ${SHORTEST} characters of a commit id, or: previous).`,
        zh: `没有名为 ${printable(wanted)} 的发布记录 (至少输入提交 id 的前 ${SHORTEST} 位, 或使用 previous).`,
      };

const refused = (what: Text) =>
  refuse(what, {
    en: 'See what there is: npx tsx scripts/rollback-prod.ts. Any commit in git that needs no new image: npx tsx scripts/update-prod-flask.ts --ref <commit>',
    zh: '查看可回退的版本: npx tsx scripts/rollback-prod.ts. 其他无需新镜像的提交: npx tsx scripts/update-prod-flask.ts --ref <提交>',
  });

export type WayName = 'hot' | 'image';

/**
 * The gentlest way that is open, or the one that was asked for.
 *
 * @param withData data goes back too: then nobody may be served meanwhile, so only a new container will do.
 * @throws {OpsError} `precondition` with why not.
 */
export function chooseWay({ release, hot, image }: Choice, asked: 'auto' | WayName, withData: boolean): WayName {
  const hotWay: Way<unknown> = withData ? closed('data goes back too', '数据也要一并回退') : hot;
  const ways = (['hot', 'image'] as const).filter((w) => asked === 'auto' || asked === w);
  const open = ways.find((w) => (w === 'hot' ? hotWay : image).open);
  if (open) return open;
  const why = ways.flatMap((w) => {
    const way = w === 'hot' ? hotWay : image;
    return way.open ? [] : [{ en: `${w}: ${way.why.en}`, zh: `${w}: ${way.why.zh}` }];
  });
  const short = release.commit.slice(0, 10);
  const { en, zh } = joined(why);
  throw refuse(
    { en: `${short} is not a way back: ${en}`, zh: `无法回退到 ${short}: ${zh}` },
    {
      en: `A new image of that commit, in the deploy directory: git checkout ${release.commit} && npx tsx scripts/deploy-prod-all.ts --data keep`,
      zh: `在部署目录中用该提交重新构建镜像: git checkout ${release.commit} && npx tsx scripts/deploy-prod-all.ts --data keep`,
    },
  );
}
