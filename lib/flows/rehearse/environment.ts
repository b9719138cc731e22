import { decoded } from '../../core/text.ts';
/** Passwords of the two stores. */
export interface Passwords {
  readonly database: string;
  readonly redis: string;
}

/** `scheme://user:` and the password in it, up to the last `@`. */
const URL = /^([a-z][\w+.-]*:\/\/[^:/@]*:)(.*)(@[^@]*)$/i;

/**
 * Production's variables with the drill's own passwords in place of production's: by name, and in URLs. So nothing in the drill can log
 * in to production, whatever it finds a way to. What only the application can know (PASSWORD_ENCRYPTION_KEY, SECRET_KEY) stays: with
 * other keys it could not read the data.
 *
 * @param overrides win over everything.
 */
export function drillEnvironment(
  production: Readonly<Record<string, string>>,
  former: Passwords,
  own: Passwords,
  overrides: Readonly<Record<string, string>>,
): Record<string, string> {
  const pairs = [
    [former.database, own.database],
    [former.redis, own.redis],
  ].filter((pair): pair is [string, string] => pair[0] !== '');
  const ownFor = (password: string) => pairs.find(([was]) => was === password || was === decoded(password))?.[1];
  const replaced = Object.entries(production).map(([name, value]) => {
    const [, before, password, after] = URL.exec(value) ?? [];
    if (password !== undefined) {
      // One that is no store's opens something outside, which is not to be reached: it stays, and the network keeps it in.
      const of = /^redis/i.test(value) && former.redis === former.database ? own.redis : ownFor(password);
      return [name, of === undefined ? value : `${before}${of}${after}`];
    }
    if (!/PASS|AUTH/i.test(name)) return [name, value];
    if (/REDIS/i.test(name) && value === former.redis) return [name, own.redis];
    return [name, ownFor(value) ?? value];
  });
  return { ...Object.fromEntries(replaced), ...overrides };
}
