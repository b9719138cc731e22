import { expect, it } from 'vitest';
import { CHECKS } from '../../../../lib/flows/doctor/checks.ts';
import { checkOf, selectChecks } from '../../../../lib/flows/doctor/select.ts';

const ids = (wanted?: string) => selectChecks(wanted).map((c) => c.id);

it('takes ids and beginnings of ids', () => {
  expect(ids()).toHaveLength(CHECKS.length);
  expect(ids('env.drift,tls.*')).toEqual(['tls.certificate', 'tls.names', 'tls.served', 'env.drift']);
  expect(checkOf('env.drift').id).toBe('env.drift');
});

it.each(['nonsense', 'env.drift,nonsense.*', 'env.dri'])('refuses %s, and says what there is', (wanted) => {
  expect(() => selectChecks(wanted)).toThrow(expect.objectContaining({ kind: 'usage', exitCode: 2 }));
});
