import { expect, it } from 'vitest';
import { judge } from '../audit/judge.ts';

// As npm 10 and 11 print them, shortened.
const report = (severity: string) =>
  JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: {
      tar: { name: 'tar', severity, range: '<6.1.9', via: [{ title: 'Path traversal' }, 'minipass'] },
    },
    metadata: {},
  });

it('fails on what is known and serious, and names it', () => {
  for (const severity of ['high', 'critical'])
    expect(judge(report(severity))).toEqual({ kind: 'vulnerable', lines: [`${severity}: tar <6.1.9; Path traversal`] });
  expect(judge(report('moderate')).kind).toBe('clean');
  expect(judge('{"auditReportVersion":2,"vulnerabilities":{}}')).toEqual({ kind: 'clean', lines: [] });
});

it('does not take a registry that can’t be asked for one that knows nothing, nor for a failure', () => {
  expect(judge('{"message":"405 Method Not Allowed","statusCode":405}')).toEqual({
    kind: 'not-asked',
    why: 'HTTP 405',
  });
  expect(judge('{"message":"request failed","error":{"summary":""}}')).toEqual({
    kind: 'not-asked',
    why: 'not reached',
  });
});

it('takes nothing else for an answer', () => {
  for (const text of ['', '{}', '{"error":{"code":"ENOLOCK"}}', '{"error":{"code":"EUSAGE"}}'])
    expect(() => judge(text)).toThrow();
});
