#!/usr/bin/env -S npx tsx
import { script } from '../../lib/index.ts';

const about = {
  en: 'Why pages fail: which link between visitor and data is broken',
  zh: '页面为何报错: 从访问者到数据, 断在哪一环',
};
export default await script(import.meta, about, async ({ chain, problem, say, table }) => {
  const { cause, next, links } = await chain();
  if (cause) problem(cause, ...next);
  else say({ en: 'Every link holds.', zh: '各环节均正常.' });
  table(links);
});
