import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Deployment } from './deployment.ts';
import type { Container } from './engine.ts';

const ROLES: Readonly<Record<string, string>> = { postgres: 'postgres', redis: 'redis', whalefall: 'app' };

/**
 * Watches over the way back during a run: what served at its beginning stays, at every moment, until the ledger says that the new one is
 * proved; what has to go with its data leaves all that makes it again. And what undoes reads no compose file.
 */
export function watchWayBack(d: Deployment): void {
  const { machine } = d;
  const known = new Set(d.files().filter((f) => path.basename(f) === 'journal'));
  const journal = () => d.files().find((f) => path.basename(f) === 'journal' && !known.has(f));
  const served = new Map<Container, string>();
  for (const [key, role] of Object.entries(ROLES)) {
    const container = d.container(key);
    if (container) served.set(container, role);
  }
  const hasRun = served.size > 0;
  machine.engine.onRemove = (container) => {
    const role = served.get(container);
    const file = journal();
    if (role === undefined || file === undefined) return;
    const run = path.dirname(file);
    const isProved = readIf(path.join(d.state, 'releases')).includes(path.basename(run));
    const isDeletion = readIf(file).includes('"key":"removing"') && existsSync(path.join(run, `before-${role}.json`));
    if (!isProved && !isDeletion)
      d.wayBack.push(`${container.name} (${role}) was removed, and nothing had been proved`);
  };
  machine.onCall = ({ argv }) => {
    const asks = argv[0] === 'docker' && argv[1] === 'compose' && argv[2] !== 'version';
    if (asks && hasRun && readIf(journal() ?? '').includes('"undo-start"')) {
      d.wayBack.push(`what undoes reads the compose file: ${argv.join(' ')}`);
    }
  };
}

const readIf = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
