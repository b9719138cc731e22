import { createHash } from 'node:crypto';
import { PGDATA } from './cluster.ts';
import { unknown } from './flags.ts';
import type { Inside } from './in-container.ts';
import type { Reply } from './process.ts';

/** Where dated copies of pg_hba.conf are, in the model: beside the cluster in its volume. */
export function replaceHba({ container, machine, argv, input, changes }: Inside): Reply {
  const [, , script = '', , file = '', copy = '', before = '', after = ''] = argv;
  if (!script.includes('mv -f') || file !== `${PGDATA}/pg_hba.conf`) return unknown(argv.join(' '));
  changes();
  const cluster = container.server?.cluster;
  if (!cluster) return { exitCode: 1 };
  const text = Buffer.from(input.toString('utf8'), 'base64').toString('latin1');
  if (sha256(text) !== after) return { exitCode: 1 };
  if (sha256(cluster.hba) !== before) return { exitCode: 75 };
  machine.engine.filesAt(container, PGDATA)[copy.slice(PGDATA.length + 1)] ??= cluster.hba;
  cluster.hba = text;
  return {};
}

const sha256 = (text: string) => createHash('sha256').update(Buffer.from(text, 'latin1')).digest('hex');
