import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One package source of the distribution, as this machine has it: with its mirror, its proxy tricks and its key. */
export type AptSource = { format: 'list' | 'sources'; text: string; codename: string };

/**
 * The machine's sources for the distribution itself. A fixed mirror would not work on a machine that has its own,
 * and third parties' sources (they have other suites or keys) would not know the suite that we ask for.
 */
export function distributionSources(): AptSource[] {
  const codename = /^VERSION_CODENAME=(.+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  const dir = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...(existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : [])];
  return files
    .filter((file) => existsSync(file))
    .flatMap((file) => {
      if (file.endsWith('.sources')) return stanzas(readFileSync(file, 'utf8'), codename);
      if (file.endsWith('.list')) return lines(readFileSync(file, 'utf8'), codename);
      return [];
    });
}

function stanzas(text: string, codename: string): AptSource[] {
  return text
    .split(/\n\s*\n/)
    .map((stanza) => stanza.replace(/^#.*\n?/gm, ''))
    .filter((stanza) => {
      const field = (name: string) => new RegExp(`^${name}:(.*)$`, 'im').exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
      return (
        field('Types').includes('deb') &&
        field('Suites').includes(codename) &&
        field('Components').includes('main') &&
        fromDistribution(field('Signed-By').join(' ')) &&
        !field('Enabled').includes('no')
      );
    })
    .map((stanza) => ({ format: 'sources', text: `${stanza}\n`, codename }));
}

function lines(text: string, codename: string): AptSource[] {
  return text
    .split('\n')
    .filter((line) => {
      const [, options = '', suite, components = ''] = /^deb\s+(?:\[(.*?)\]\s+)?\S+\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      const key = /signed-by=(\S+)/i.exec(options)?.[1] ?? '';
      return suite === codename && components.split(/\s+/).includes('main') && fromDistribution(key);
    })
    .map((line) => ({ format: 'list', text: `${line}\n`, codename }));
}

function fromDistribution(key: string): boolean {
  return key === '' || /(debian|ubuntu)-archive-/.test(key);
}

/** The source's text for another suite, without -updates and -backports, which that suite may not have. */
export function withSuite(source: AptSource, suite: string): string {
  if (source.format === 'sources') return source.text.replace(/^Suites:.*$/im, `Suites: ${suite}`);
  return source.text.replace(new RegExp(`(\\s)${source.codename}(\\s)`), `$1${suite}$2`);
}
