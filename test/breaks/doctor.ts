import { type Break, edit } from './break.ts';

const diagnosis = (named: string) => ({ test: 'test/unit/flows/doctor/diagnose.test.ts', named });
const script = (named: string) => ({ test: 'test/unit/flows/doctor/doctor.test.ts', named });

/** What the doctor says, and what it sends. */
export const DOCTOR: readonly Break[] = [
  {
    what: { en: 'a warning hides a failure below it', zh: '警告把故障归到自己之下' },
    edits: [
      edit(
        'lib/flows/doctor/diagnose.ts',
        "(other.level === 'FAIL' || finding.level === 'WARN') &&",
        'other !== finding &&',
      ),
    ],
    ...diagnosis('lets no warning explain a failure'),
  },
  {
    what: { en: 'a failure can be acknowledged', zh: '故障也能被确认' },
    edits: [edit('lib/flows/doctor/diagnose.ts', "level === 'WARN' ? known : undefined", 'known')],
    ...diagnosis('counts a warning that is acknowledged apart'),
  },
  {
    what: { en: 'an acknowledgement has no end', zh: '确认永不过期' },
    edits: [edit('lib/flows/doctor/diagnose.ts', ' && a.until >= today', '')],
    ...diagnosis('counts a warning that is acknowledged apart'),
  },
  {
    what: { en: 'what breaks later comes before what is broken', zh: '将来的故障排在当前故障之前' },
    edits: [edit('lib/flows/doctor/diagnose.ts', "f.check.when === 'now' ? 0 : 1", "f.check.when === 'now' ? 1 : 0")],
    ...diagnosis('keeps two causes apart'),
  },
  {
    what: { en: 'logs are packed whose secrets nobody knows', zh: '密钥未知时仍打包日志' },
    edits: [
      edit(
        'lib/flows/doctor/bundle.ts',
        'if (!secretsKnown(facts)) return { name, about, text: undefined, why: UNREDACTED };',
        '',
      ),
    ],
    ...script('writes no archive that nobody agreed to'),
  },
  {
    what: { en: 'a password in a foreign URL is sent', zh: '外部 URL 中的密码被打包' },
    edits: [edit('lib/flows/doctor/scrub.ts', ':[^\\s@]+@/gi', ':[^\\s@]+@@/gi')],
    test: 'test/unit/flows/doctor/scrub.test.ts',
    named: 'takes out what looks like a secret',
  },
  {
    what: { en: 'the doctor starts what another directory made', zh: '修复时会启动其他目录创建的容器' },
    edits: [
      edit(
        'lib/flows/doctor/examine.ts',
        'if (fixes.length > 0) await claimStack',
        'if (fixes.length < 0) await claimStack',
      ),
    ],
    ...script('starts nothing that another directory made'),
  },
  {
    what: { en: 'FAIL ends with 0', zh: '有故障仍以 0 退出' },
    edits: [
      edit('lib/flows/doctor/examine.ts', 'fail > 0 || (strict && warn > 0) ? 1 : 0', 'strict && warn > 0 ? 1 : 0'),
    ],
    ...script('has an engine that does not answer as its first finding'),
  },
];
