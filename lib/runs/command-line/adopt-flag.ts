import type { Flags } from './flags.ts';

/** For every script that may change a stack. */
export const ADOPT_FLAG = {
  adopt: {
    type: 'boolean',
    help: {
      en: 'also take over what another directory made under this project name; asks first',
      zh: '接管由其他目录以同一项目名创建的容器(需确认)',
    },
  },
} as const satisfies Flags;
