#!/usr/bin/env -S npx tsx
import { script } from '../../lib/index.ts';

const about = {
  en: 'Where the running application has another environment than .env: names, no values',
  zh: '运行中的应用与 .env 不一致的变量: 仅显示名称, 不显示值',
};
export default await script(import.meta, about, async ({ app }) => {
  const drift = await app.drift();
  return drift.length > 0 ? drift : { en: 'No drift.', zh: '没有差异.' };
});
