import { OpsError } from '../../core/errors.ts';
import type { Text } from '../../core/text.ts';

/** The backup itself is what is wrong; anything else that can go wrong while it is tried says nothing about it. */
export class DamagedBackup extends OpsError {}

export function damaged(dir: string, why: Text, cause?: unknown): DamagedBackup {
  return new DamagedBackup({
    kind: 'precondition',
    what: { en: `The backup ${dir} is unusable: ${why.en}.`, zh: `备份 ${dir} 无效: ${why.zh}.` },
    state: { en: 'The database itself was only read.', zh: '对数据库本身只进行了读取.' },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A lack of this machine, as PostgreSQL's programs name it. */
export const OUR_OWN =
  /no space left|quota exceeded|out of memory|cannot allocate memory|could not resize shared memory|terminated by signal 9|the server closed the connection/i;
