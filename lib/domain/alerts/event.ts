import { given, type Language, seconds, type Text } from '../../core/text.ts';
import type { Message } from '../../tools/alerts/post.ts';
import type { Ended, Outcome } from './outcomes.ts';

/**
 * `recovered`: the first success after a failure. `refused`: nothing was begun, and whoever typed it on a terminal has read why. `test`:
 * nothing happened.
 */
export type Kind = 'failed' | 'recovered' | 'succeeded' | 'refused' | 'test';

/** What somebody may be told. Texts are redacted. */
export interface Event {
  readonly kind: Kind;
  /** `backup-prod create` */
  readonly subject: string;
  readonly host: string;
  /** The compose project, where it was found out. */
  readonly stack: string | undefined;
  readonly dir: string;
  readonly ended: Ended;
  readonly what: Text;
  readonly state: Text | undefined;
  /** What to type, or to know, next. */
  readonly next: readonly Text[];
}

/** Exit codes that say that nothing was changed: usage, precondition, declined, locked, Ctrl-C. */
const NOTHING_BEGUN: readonly number[] = [2, 3, 4, 5, 130];

/** @param watching somebody sits at the terminal. A nightly one that declines for want of a terminal has failed. */
export function kindOf(exitCode: number, watching: boolean, before: Outcome | undefined): Kind {
  if (exitCode === 0) return (before?.failures ?? 0) > 0 ? 'recovered' : 'succeeded';
  return watching && NOTHING_BEGUN.includes(exitCode) ? 'refused' : 'failed';
}

/** Who is told only of problems hears of these. */
export const isNews = (kind: Kind): boolean => kind === 'failed' || kind === 'recovered' || kind === 'test';

/** The event in one language for people, and in stable English for programs. */
export function messageOf(event: Event, language: Language): Message {
  const t = ({ [language]: text }: Text) => text;
  const { kind, subject, host, stack, dir, ended, what, state, next } = event;
  const { requests } = ended;
  const lines: Text[] = [
    what,
    ...given(state, (text) => text),
    ...given(kind !== 'test', () => ({
      en: `${ended.at}, exit code ${ended.exitCode}, took ${seconds(ended.took)}`,
      zh: `${ended.at}, 退出码 ${ended.exitCode}, 用时 ${seconds(ended.took)}`,
    })),
    ...given(requests, ({ failed, sent, downtime }) => ({
      en: `requests failed: ${failed} of ${sent}; production was down ${seconds(downtime)}`,
      zh: `请求失败 ${failed}/${sent}; 生产中断 ${seconds(downtime)}`,
    })),
    { en: `host ${host}, stack ${stack ?? '?'}, ${dir}`, zh: `主机 ${host}, 项目 ${stack ?? '?'}, ${dir}` },
    ...next.map(({ en, zh }) => ({ en: `→ ${en}`, zh: `→ ${zh}` })),
  ];
  const title = `[${t(TITLES[kind])}] ${subject} · ${stack ?? dir} @ ${host}`;
  return {
    title,
    text: lines.map(t).join('\n'),
    data: {
      version: 1,
      kind,
      subject,
      host,
      stack: stack ?? null,
      directory: dir,
      run: ended.run,
      at: ended.at,
      exitCode: ended.exitCode,
      milliseconds: ended.took,
      requests,
      bytes: ended.bytes,
      what: what.en,
      state: state?.en ?? null,
      next: next.map((n) => n.en),
    },
  };
}

const TITLES: Readonly<Record<Kind, Text>> = {
  failed: { en: 'FAILED', zh: '失败' },
  recovered: { en: 'recovered', zh: '已恢复' },
  succeeded: { en: 'done', zh: '完成' },
  refused: { en: 'not done', zh: '未执行' },
  test: { en: 'test', zh: '测试' },
};
