import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The shapes in which a value could be somewhere: itself, in URLs, and base64 however the bytes around it are aligned. */
function shapes(value: string): string[] {
  const aligned = [0, 1, 2].map((before) => {
    const encoded = Buffer.from(' '.repeat(before) + value).toString('base64');
    // The first and the last characters also hold bits of what stands beside.
    return encoded.slice(before === 0 ? 0 : 4, Math.floor(((before + value.length) * 8) / 24) * 4);
  });
  const base64url = aligned.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const hex = Buffer.from(value).toString('hex');
  return [...new Set([value, encodeURIComponent(value), ...aligned, ...base64url, hex])];
}

/** Where a secret was found, as `<place>: <name of the secret>`. */
export function leaksIn(place: string, text: string, secrets: Readonly<Record<string, string>>): string[] {
  return Object.entries(secrets)
    .filter(([, value]) => shapes(value).some((shape) => text.includes(shape)))
    .map(([name]) => `${place}: ${name}`);
}

/** What a container was made of and the `.env` that it had, for the way back: read by nobody else. */
export const DEFINITIONS = /(^|\/)(containers\/[\w-]+\.(env|json)|before-\w+\.json|env-set-aside)$/;

/** Meant to hold secrets, or to hold the data: read by nobody else. */
const ON_PURPOSE = /(^|\/)(admin-password|database\.dump|globals\.sql|[\w-]+\.(dump|tar|sql)(\.age)?)$/;

/** Made for git and for the container, where others read them; the directories above are closed. */
const READABLE = /(^|\/)(\.gitignore|\.whalefall-release\.json|empty\.env)$/;

/** Looks into all files below a directory, and at who may read them. @returns leaks and modes that are too wide. */
export function leaksBelow(dir: string, secrets: Readonly<Record<string, string>>): string[] {
  return ['', ...(readdirSync(dir, { recursive: true }) as string[])].flatMap((name) => {
    const file = path.join(dir, name);
    const stat = lstatSync(file);
    const mode = stat.mode & 0o777;
    if (stat.isDirectory()) return mode === 0o700 ? [] : [`${file}: mode ${mode.toString(8)}`];
    const open = mode !== 0o600 && !READABLE.test(name) ? [`${file}: mode ${mode.toString(8)}`] : [];
    const text = ON_PURPOSE.test(name) || DEFINITIONS.test(name) ? '' : readFileSync(file, 'latin1');
    return [...open, ...leaksIn(file, text, secrets)];
  });
}
