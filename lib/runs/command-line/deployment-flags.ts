import type { HoldOptions } from '../../domain/hold/survey.ts';
import type { RestartKind, UpdateOptions } from '../../domain/hot-release/options.ts';
import { duration, type Flags, type Parsed } from './flags.ts';

const AT_MOST = '60s';
const DRAIN_AT_MOST = '30s';

/** For every script that may change a stack, and take the application's container away for a while. */
export const STACK_FLAGS = {
  adopt: {
    type: 'boolean',
    help: {
      en: 'also take over what another directory made under this project name; asks first',
      zh: '接管由其他目录以同一项目名创建的容器(需确认)',
    },
  },
  'hold-at-most': {
    type: 'string',
    value: 'TIME',
    duration: true,
    help: {
      en: 'requests that have to wait get a 503 page after so long (default 60s)',
      zh: '请求最长等待时间, 超过则返回 503 页面(默认 60s)',
    },
  },
  'drain-at-most': {
    type: 'string',
    value: 'TIME',
    duration: true,
    help: {
      en: 'what is under way when requests begin to wait may take so long, and is cut then (default 30s)',
      zh: '暂存开始时进行中的请求最长执行时间, 超过则切断(默认 30s)',
    },
  },
  'no-hold': {
    type: 'boolean',
    help: {
      en: 'let requests be refused while nothing serves, instead of holding them',
      zh: '应用未就绪期间直接拒绝请求, 不让其等待',
    },
  },
} as const satisfies Flags;

export const holdOptions = (parsed: Parsed): HoldOptions => ({
  wanted: !parsed['no-hold'],
  atMost: duration(String(parsed['hold-at-most'] ?? AT_MOST)) / 1000,
  drainAtMost: duration(String(parsed['drain-at-most'] ?? DRAIN_AT_MOST)) / 1000,
});

/** Of a hot release; what a script has no option for is as by default. @throws {OpsError} `usage` for a soak that is no duration. */
export const releaseOptions = (parsed: Parsed, ref: string, direction: UpdateOptions['direction']): UpdateOptions => ({
  ref,
  direction,
  restart: (parsed.restart ?? 'auto') as RestartKind | 'auto',
  backup: (parsed.backup ?? 'auto') as 'auto' | 'always',
  soakMs: duration(String(parsed.soak ?? '10s')),
  discardLocal: Boolean(parsed['discard-local']),
  syncSite: Boolean(parsed['sync-nginx-site-config']),
  bake: Boolean(parsed.bake),
  hold: holdOptions(parsed),
});
