import type { Stack } from './stack.ts';

/** A file of the release that is known to be good. */
export const original = (stack: Stack, file: string): string =>
  stack.git(['show', `${stack.base}:${file}`], stack.sandbox.origin);

/** The same with one text replaced; fails when it isn't there, because then the case would try nothing. */
export function edited(stack: Stack, file: string, from: string, to: string): string {
  const text = original(stack, file);
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
  return text.replace(from, to);
}

export const GUNICORN = 'nginx/gunicorn/gunicorn-prod.conf.py';
export const NGINX = 'nginx/sites-available/whalefall-prod';
export const SUPERVISOR = 'nginx/supervisor/whalefall-prod.conf';
