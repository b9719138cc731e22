import { OpsError } from '../../core/errors.ts';
import type { Text } from '../../core/text.ts';
import { describeHealth, type Health } from '../app/health.ts';

export const healthEvidence = ({ health }: { readonly health: Health }): Text => describeHealth(health);

export const notProved = (why: Text) =>
  new OpsError({
    kind: 'command',
    what: { en: `Not proved: ${why.en}`, zh: `未能证明部署成功: ${why.zh}` },
  });
