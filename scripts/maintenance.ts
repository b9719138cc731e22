#!/usr/bin/env -S npx tsx
/**
 * The maintenance page: whoever comes gets a 503 page instead of the application, for work on it by hand. It stands only as long as the run
 * that keeps it renews it: killed, or after a reboot, visitors reach the application again within seconds.
 */
import * as maintenance from '../lib/flows/maintenance/index.ts';
import { program, type Script } from '../lib/index.ts';

const NAME = 'maintenance';

const LASTS = {
  for: {
    type: 'string',
    value: 'TIME',
    duration: true,
    help: {
      en: 'at the latest after so long it ends by itself (default 1h)',
      zh: '最长持续时间, 到时自动结束(默认 1h)',
    },
  },
} as const;

const lasts = (flags: Readonly<Record<string, unknown>>) => String(flags.for ?? '1h');

export const maintenanceScript: Script = {
  name: NAME,
  about: {
    en: 'A maintenance page in place of the application, for work on it by hand.',
    zh: '以维护页面代替应用, 便于手动维护.',
  },
  commands: {
    on: {
      about: { en: 'put it up, and return once visitors see it', zh: '启用维护页面, 生效后返回' },
      flags: LASTS,
      onlyLooks: true, // the run that keeps it takes the lock
      run: (ops, flags) =>
        maintenance.turnOn(ops, {
          keeper: { script: NAME, args: ['keep', `--for=${lasts(flags)}`] },
          lasts: lasts(flags),
          planOnly: flags.planOnly,
        }),
    },
    off: {
      about: { en: 'take it away, and ask the application whether it serves', zh: '关闭维护页面, 并检查应用是否正常' },
      flags: {},
      onlyLooks: true,
      run: (ops) => maintenance.turnOff(ops, NAME),
    },
    status: {
      about: { en: 'whether it is on, since when, and how many saw it', zh: '查看是否启用、启用时间及被拦截的连接数' },
      flags: {},
      onlyLooks: true,
      run: async (ops) => maintenance.showStatus(ops, NAME),
    },
    keep: {
      about: { en: 'keep it up from this terminal, until Ctrl-C', zh: '在当前终端保持维护页面, 直至 Ctrl-C' },
      flags: LASTS,
      run: (ops, flags) => maintenance.keepOn(ops, lasts(flags)),
    },
  },
};

await program(import.meta, maintenanceScript);
