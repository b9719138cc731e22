import type { Ops } from '../../core/ops.ts';
import { ask } from '../../core/run.ts';
import { decoded } from '../../core/text.ts';
import { git, remoteHeads } from './git.ts';

export interface Remote {
  readonly name: string;
  /** Without user, password and query. */
  readonly url: string;
}

/** The repository's remotes. Passwords in their addresses are secrets of the run from here on. */
export async function listRemotes(ops: Ops): Promise<readonly Remote[]> {
  const lines = (await ask(ops, git(ops.target.dir, ['remote', '-v']))).split('\n');
  return lines.flatMap((line) => {
    const [, name, address] = /^([^\t]+)\t(.*) \(fetch\)/.exec(line) ?? [];
    if (name === undefined || address === undefined) return [];
    keepSecret(ops, address);
    return [{ name, url: withoutCredentials(address) }];
  });
}

/** Branches of a remote, sorted; asked over the network. */
export async function remoteBranches(ops: Ops, remote: string, deadlineMs: number): Promise<readonly string[]> {
  const lines = (await ask(ops, remoteHeads(ops.target.dir, remote, deadlineMs))).split('\n');
  return lines.flatMap((line) => /\trefs\/heads\/(.+)$/.exec(line)?.[1] ?? []).sort();
}

const CREDENTIALS = /^([a-z][a-z0-9+.-]*:\/\/)([^/]*)@/i;

const withoutCredentials = (address: string) => address.replace(CREDENTIALS, '$1').replace(/(:\/\/[^?]*)\?.*$/, '$1');

function keepSecret(ops: Ops, address: string): void {
  ops.secrets.add(/:\/\/[^?]*\?(.*)$/.exec(address)?.[1] ?? '');
  const userinfo = CREDENTIALS.exec(address)?.[2];
  if (userinfo === undefined) return;
  const colon = userinfo.indexOf(':');
  // Without a password, the "user" of a web address is a token; of an ssh address it is only a name.
  const secret = colon >= 0 ? userinfo.slice(colon + 1) : /^https?:/i.test(address) ? userinfo : '';
  ops.secrets.add(secret, decoded(secret));
}
