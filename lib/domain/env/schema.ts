import type { TargetConfig } from '../../core/target.ts';
import type { Text } from '../../core/text.ts';
import { ENV_RULES, POSTGRES_URL, REDIS_URL } from './rules.ts';
import { unquotePercent } from './secrets.ts';

/** A variable that breaks a rule. Never contains any part of a value. */
export interface EnvProblem {
  readonly variable: string;
  readonly rule: Text;
}

type Values = Readonly<Record<string, string>>;
type ServiceKeys = Pick<TargetConfig['services'], 'postgres' | 'redis'>;

/**
 * Everything that is wrong with a configuration, at once.
 *
 * @param undecided variables that exist but have no certain value: they are neither missing nor checked.
 */
export function envProblems(
  values: Values,
  services: ServiceKeys,
  undecided: ReadonlySet<string> = new Set(),
): EnvProblem[] {
  const problems: EnvProblem[] = [];
  for (const { variable, required, schema, rule } of ENV_RULES) {
    if (undecided.has(variable)) continue;
    const value = values[variable];
    if (value === undefined || value === '') {
      if (required) problems.push({ variable, rule: value === undefined ? MISSING : EMPTY });
    } else if (!schema.safeParse(value).success) {
      problems.push({ variable, rule });
    }
  }
  return [...problems, ...connectionProblems(values, services)];
}

/**
 * Where DATABASE_URL and CACHE_REDIS_URL contradict the variables that the servers get: the application could not log in.
 * For `.env`, and as well for the environment that compose gives a container. What is absent or malformed is passed over.
 */
export function connectionProblems(values: Values, services: ServiceKeys): EnvProblem[] {
  const problems: EnvProblem[] = [];
  const expect = (variable: string, actual: string | undefined, other: string, expected: string | undefined) => {
    if (expected && actual !== expected) problems.push({ variable, rule: mustMatch(other) });
  };
  const host = (variable: string, actual: string | undefined, service: string) => {
    if (actual !== service) problems.push({ variable, rule: mustPointTo(service) });
  };

  const database = POSTGRES_URL.exec(values['DATABASE_URL'] ?? '');
  if (database) {
    const [, user = '', password = '', server, , name] = database;
    const [role, own] = [unquotePercent(user), values['POSTGRES_USER']];
    // Another role has another password.
    if (own && role !== own) problems.push({ variable: 'DATABASE_URL', rule: OTHER_ROLE });
    else expect('DATABASE_URL', unquotePercent(password), 'POSTGRES_PASSWORD', values['POSTGRES_PASSWORD']);
    expect('DATABASE_URL', name, 'POSTGRES_DB', values['POSTGRES_DB']); // SQLAlchemy does not decode the name
    host('DATABASE_URL', server, services.postgres);
  }
  const redis = REDIS_URL.exec(values['CACHE_REDIS_URL'] ?? '');
  if (redis) {
    const [, , password = '', server] = redis;
    expect('CACHE_REDIS_URL', unquotePercent(password), 'REDIS_PASSWORD', values['REDIS_PASSWORD']);
    host('CACHE_REDIS_URL', server, services.redis);
  }
  return problems;
}

const MISSING: Text = { en: 'is required, and the file does not define it', zh: '为必填项, 文件中没有定义' };
const EMPTY: Text = { en: 'is required, and empty', zh: '为必填项, 当前为空' };

const OTHER_ROLE: Text = {
  en: 'logs in as another role than POSTGRES_USER. These scripts set the password of that one role, and prove with it that the application can log in: give both the same name (a special character percent-encoded in the URL)',
  zh: '使用的角色与 POSTGRES_USER 不同. 脚本只管理该角色的密码, 并以它验证应用能够登录: 请使两者一致 (URL 中的特殊字符须百分号编码)',
};

const mustMatch = (other: string): Text => ({
  en: `does not fit ${other} (percent-encode special characters in the URL: @ as %40, : as %3A, / as %2F, % as %25)`,
  zh: `与 ${other} 不一致 (URL 中的特殊字符须百分号编码: @ 写作 %40, : 写作 %3A, / 写作 %2F, % 写作 %25)`,
});

const mustPointTo = (service: string): Text => ({
  en: `must point to the compose service ${service}`,
  zh: `主机名必须是 compose 服务 ${service}`,
});
