#!/usr/bin/env -S npx tsx
/** Who is told how runs end: tried out before it is needed, and listed. Runs tell by themselves; nothing here is needed for that. */
import * as notify from '../lib/flows/notify/index.ts';
import { program, type Script } from '../lib/index.ts';

export const notifyScript: Script = {
  name: 'notify',
  about: {
    en: 'Alerts: who is told when a run fails, and when it recovers.',
    zh: '运行失败与恢复时通知谁.',
  },
  commands: {
    test: {
      about: { en: 'send each channel a message that is marked as a test', zh: '向每个通道发送一条测试消息' },
      flags: {},
      positionals: [
        { name: 'channel', optional: true, help: { en: 'only this one (default: all)', zh: '仅此通道(默认全部)' } },
      ],
      onlyLooks: true,
      run: async (ops, flags) => notify.test(ops, notify.channelsNamed(ops, flags.channel)),
    },

    list: {
      about: { en: 'the channels, and the result of the last attempt', zh: '列出通道及最近一次送达结果' },
      flags: {},
      onlyLooks: true,
      run: async (ops) => notify.list(ops),
    },
  },
};

await program(import.meta, notifyScript);
