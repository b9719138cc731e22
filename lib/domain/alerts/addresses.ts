import { readFileSync, statSync } from 'node:fs';
import type { Channel, Kept, NotifyConfig } from '../../core/notify.ts';
import type { Ops } from '../../core/ops.ts';
import { asTyped } from '../../core/run.ts';
import type { Secrets } from '../../core/secrets.ts';
import { decoded, type Text } from '../../core/text.ts';
import type { Addresses } from '../../tools/alerts/post.ts';

/** An address or key, or why there is none. */
export type Address = { readonly value: string } | { readonly missing: Text };

type Known = Pick<Ops, 'variables' | 'secrets'>;

/** Reads what the configuration names. It is a secret from then on, whole and in its parts. */
export function addressOf({ variables = {}, secrets }: Known, kept: Kept): Address {
  const found = 'env' in kept ? fromVariable(variables, kept.env) : fromFile(kept.file);
  if ('value' in found) registerAddress(secrets, found.value);
  return found;
}

/** What a channel needs to know, or what of it is missing. */
export function addressesOf(ops: Known, channel: Channel): Addresses | { readonly missing: Text } {
  if (!('url' in channel)) return { url: '' };
  const url = addressOf(ops, channel.url);
  if ('missing' in url) return url;
  if (!('secret' in channel) || channel.secret === undefined) return { url: url.value };
  const secret = addressOf(ops, channel.secret);
  return 'missing' in secret ? secret : { url: url.value, secret: secret.value };
}

/** Registers all addresses there are, before anything is shown. */
export function registerAddresses(known: Known, { channels, watch }: NotifyConfig): void {
  const all = [
    ...channels.flatMap((c) => ['url' in c ? c.url : undefined, 'secret' in c ? c.secret : undefined]),
    ...[watch.backup?.ping, watch.drill?.ping],
  ];
  for (const kept of all) if (kept) addressOf(known, kept);
  for (const c of channels) if ('to' in c) known.secrets.add(c.from, ...c.to);
}

function fromVariable(variables: Readonly<Record<string, string | undefined>>, name: string): Address {
  const value = variables[name]?.trim();
  if (value) return { value };
  return { missing: { en: `the variable ${name} is not set`, zh: `环境变量 ${name} 未设置` } };
}

function fromFile(file: string): Address {
  try {
    const { mode, uid } = statSync(file);
    if (mode & 0o077) {
      const mend = asTyped(['chmod', '600', file]);
      return { missing: { en: `others may read ${file}: ${mend}`, zh: `其他用户可读 ${file}: ${mend}` } };
    }
    const mine = process.getuid?.();
    if (uid !== mine && uid !== 0 && mine !== 0)
      return { missing: { en: `${file} belongs to somebody else`, zh: `${file} 属于其他用户` } };
    const value = readFileSync(file, 'utf8').trim();
    if (value) return { value };
    return { missing: { en: `${file} is empty`, zh: `${file} 为空` } };
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : '?';
    return { missing: { en: `${file} can't be read (${why})`, zh: `无法读取 ${file} (${why})` } };
  }
}

/** Shorter parts of a path are words, such as `hook` or `send`. */
const SHORTEST_PART = 12;

function registerAddress(secrets: Secrets, value: string): void {
  secrets.add(value);
  if (!URL.canParse(value)) return;
  const url = new URL(value);
  const { href, pathname, search, password, searchParams } = url;
  const parts = [...pathname.split('/'), ...searchParams.values()].filter((part) => part.length >= SHORTEST_PART);
  secrets.add(href, password, decoded(password), ...parts, ...parts.map(decoded));
  if (pathname.length + search.length > SHORTEST_PART) secrets.add(pathname + search);
}
