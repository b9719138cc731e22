import { existsSync } from 'node:fs';
import { OpsError, whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { seconds, type Text } from '../../core/text.ts';
import { requestHold } from '../../domain/hold/hold.ts';
import { duration } from '../../runs/command-line/flags.ts';
import { offFile, writeNote } from './note.ts';
import { survey } from './survey.ts';

const LOOK_EVERY_MS = 500;
/** The note is for whoever asks how it stands. */
const NOTE_EVERY_MS = 5_000;

/**
 * Keeps visitors at the page until `off`, Ctrl-C, SIGTERM, or for so long (`1h`). The rules that lead there are renewed as long as this
 * process lives, and end by themselves if it is killed.
 */
export async function keepOn(ops: Ops, lasts: string): Promise<Text> {
  const milliseconds = duration(lasts);
  const { app, holds } = await survey(ops, true);
  const hold = requestHold(holds);
  const since = ops.clock.now();
  const until = since + milliseconds;
  const end = ops.clock.monotonic() + milliseconds;
  const ports = [...new Set(holds.ports.map((p) => p.published))];
  const note = async () => {
    const state = await hold.look().catch(() => undefined); // one that has just died: another one comes
    const turnedAway = hold.seen.turnedAway + (state?.turnedAway ?? 0);
    await writeNote(ops, { since: iso(since), until: iso(until), ports, turnedAway });
  };
  const begin = async () => {
    await hold.begin(ops, app);
    await hold.turnAway();
    ops.screen.show({ event: 'ok', text: isOn(ports, iso(until)) });
  };
  try {
    await begin();
    let isThere = true;
    await note(); // one that nobody can find is not put up
    let noted = ops.clock.monotonic();
    let isNoted = true;
    while (!ops.signal.aborted && !existsSync(offFile(ops.paths.run)) && ops.clock.monotonic() < end) {
      // One that died has said so. If the engine went with it, another one can't be had before it is back.
      if (!hold.holding || !isThere) {
        const failed = await begin().catch(expected);
        if (failed && isThere) ops.screen.show({ event: 'warning', text: notBack(failed.what) });
        isThere = failed === undefined;
      }
      if (ops.clock.monotonic() - noted >= NOTE_EVERY_MS) {
        const failed = await note().catch(whatHappened);
        if (failed && isNoted) ops.screen.show({ event: 'warning', text: notNoted(failed) });
        isNoted = failed === undefined;
        noted = ops.clock.monotonic();
      }
      await ops.clock.sleep(LOOK_EVERY_MS, ops.signal).catch(() => undefined);
    }
  } finally {
    await hold.end(ops);
  }
  const lasted = seconds(ops.clock.now() - since);
  const { turnedAway } = hold.seen;
  const text: Text = {
    en: `The maintenance page is off; it was on for ${lasted}, and ${turnedAway} connections got it.`,
    zh: `维护页面已关闭; 持续 ${lasted}, 共 ${turnedAway} 个连接看到该页面.`,
  };
  ops.screen.show({ event: 'ok', text });
  return text;
}

function expected(error: unknown): OpsError {
  if (error instanceof OpsError) return error;
  throw error;
}

const iso = (at: number) => new Date(at).toISOString();

export const isOn = (ports: readonly number[], until: string): Text => ({
  en: `The maintenance page is on at ports ${ports.join(', ')}, until ${until} at the latest.`,
  zh: `维护页面已在端口 ${ports.join(', ')} 启用, 最晚至 ${until}.`,
});

const notNoted = (why: Text): Text => ({
  en: `How the maintenance page stands can’t be written down (is the disk full?); it stays all the same: ${why.en}`,
  zh: `维护页面的状态无法写入 (磁盘已满?); 页面仍保持启用: ${why.zh}`,
});

const notBack = (why: Text): Text => ({
  en: `The maintenance page is gone, and is tried again until it is back; visitors reach the application, if it runs: ${why.en}`,
  zh: `维护页面已失效, 正在不断重试; 期间访问者会直接到达应用 (若其在运行): ${why.zh}`,
});
