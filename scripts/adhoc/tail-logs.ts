#!/usr/bin/env -S npx tsx
import { script } from '../../lib/index.ts';

const about = { en: 'The last lines of all logs, by time', zh: '按时间合并显示全部日志的最后若干行' };
const flags = { lines: { type: 'count', default: 100, help: { en: 'how many', zh: '显示行数' } } } as const;
export default await script(import.meta, about, { flags }, async ({ logs, flags, say }) => {
  for (const { at, from, text } of await logs(flags.lines)) say(`${at}  ${from}  ${text}`);
});
