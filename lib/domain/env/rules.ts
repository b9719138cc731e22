import { z } from 'zod';
import type { Text } from '../../core/text.ts';

/** What the application's configuration demands of one variable. zod's own messages are never used: they repeat input. */
export interface EnvRule {
  readonly variable: string;
  readonly required: boolean;
  readonly schema: z.ZodType<unknown, string>;
  readonly rule: Text;
}

const NOT_EMPTY: Text = { en: 'must not be empty', zh: '不能为空' };

const whole = (low: number, high: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .refine((text) => Number(text) >= low && Number(text) <= high);

const required = (
  variable: string,
  schema: EnvRule['schema'] = z.string().min(1),
  rule: Text = NOT_EMPTY,
): EnvRule => ({ variable, required: true, schema, rule });

/** 32 bytes. Keys in the ordinary base64 alphabet work too; refusing one would drive people to replace it. */
const FERNET_KEY = z.string().regex(/^[A-Za-z0-9_+/-]{43}=$/);

/**
 * Compose splits `command: redis-server --requirepass ${REDIS_PASSWORD} …` like a shell: it drops everything from `;&|<>` on,
 * without an error, and Redis would run with a shorter password (measured with 2.26).
 */
const COMMAND_WORD = z.string().regex(/^(?!-)[^\s;&|<>()'"`\\]+$/);

export const POSTGRES_URL = /^postgresql\+psycopg:\/\/([^:/@]+):([^@]*)@([^:/?@]+)(?::(\d{1,5}))?\/([^?]+)(?:\?.*)?$/;
export const REDIS_URL = /^rediss?:\/\/(?:([^:/?#]*):([^/?#]*)@)?([^:/?#@]+)(?::(\d{1,5}))?\/(\d{1,3})(?:\?.*)?$/;

/** In the order of env.example. Variables that are not here are allowed and not looked at. */
export const ENV_RULES: readonly EnvRule[] = [
  required('POSTGRES_DB'),
  required('POSTGRES_USER'),
  required('POSTGRES_PASSWORD'),
  required('REDIS_PASSWORD', COMMAND_WORD, {
    en: 'must not be empty, begin with -, or contain spaces or any of ; & | < > ( ) \' " ` \\ (compose splits the command line of Redis at these)',
    zh: '不能为空, 不能以 - 开头, 不能含空格或 ; & | < > ( ) \' " ` \\ (compose 会在这些字符处切分 Redis 的启动命令)',
  }),
  required('SECRET_KEY'),
  required('BCRYPT_LOG_ROUNDS', whole(4, 20), {
    en: 'must be a whole number from 4 to 20',
    zh: '必须是 4 到 20 的整数',
  }),
  required('PASSWORD_ENCRYPTION_KEY', FERNET_KEY, {
    en: 'must be a Fernet key: base64 of 32 bytes, 44 characters with = at the end. With an existing database use the key it was used with; another one can’t decrypt its stored credentials',
    zh: '必须是 Fernet 密钥: 32 字节的 base64, 共 44 个字符, 以 = 结尾. 若已有数据库, 必须沿用原来的密钥, 否则已存储的凭据无法解密',
  }),
  required('APP_NAME'),
  required('APP_VERSION'),
  required('FLASK_ENV'),
  required('FLASK_DEBUG', z.enum(['0', '1', 'true', 'false']), {
    en: 'must be 0, 1, true or false',
    zh: '必须是 0, 1, true 或 false',
  }),
  required('LOG_LEVEL'),
  required('CACHE_TYPE'),
  required('CACHE_REDIS_URL', z.string().regex(REDIS_URL), {
    en: 'must be redis://:password@redis:6379/number, special characters of the password percent-encoded',
    zh: '必须形如 redis://:密码@redis:6379/编号, 密码中的特殊字符须百分号编码',
  }),
  required('DATABASE_URL', z.string().regex(POSTGRES_URL), {
    en: 'must be postgresql+psycopg://user:password@host:port/database, special characters percent-encoded',
    zh: '必须形如 postgresql+psycopg://用户:密码@主机:端口/数据库, 特殊字符须百分号编码',
  }),
  required('PERMANENT_SESSION_LIFETIME', whole(300, 999_999_999), {
    en: 'must be a whole number of seconds, at least 300',
    zh: '必须是整数秒数, 至少 300',
  }),
  {
    variable: 'FLASK_PORT',
    required: false,
    schema: whole(1024, 65_535),
    rule: { en: 'must be a port from 1024 to 65535', zh: '必须是 1024 到 65535 的端口' },
  },
];
