import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { type AdminResult, ensureAdmin, revealAdmin } from '../../domain/app/admin.ts';
import type { TriedImage } from '../../domain/replacement/one-off.ts';
import type { PreparedDatabase } from './prepare.ts';
import type { Started } from './rebuild.ts';

/** What the deleted database is followed by has its admin already; whom nobody has been told. */
export const adminStep = (): Step<AdminResult, [Started, TriedImage, PreparedDatabase | undefined]> => ({
  id: 'admin',
  title: { en: 'Create the user admin if there is none', zh: '若不存在管理员账号 admin 则创建' },
  risk: 'none',
  commands: [
    {
      en: 'docker exec -i <one-off> python -  # asks the application',
      zh: 'docker exec -i <one-off> python -  # 由应用自身查询',
    },
  ],
  async run(ops, seen, { oneOff }, prepared) {
    if (prepared) return revealAdmin(ops, prepared.admin);
    return seen.admin ? { kind: 'existed' } : ensureAdmin(ops, oneOff);
  },
  evidence: adminEvidence,
});

function adminEvidence(admin: AdminResult): Text {
  if (admin.kind === 'existed') return { en: 'exists', zh: '已存在' };
  return admin.shown === 'file'
    ? {
        en: `created; password in ${admin.file} (mode 0600; delete it after use)`,
        zh: `已创建; 密码保存在 ${admin.file} (权限 0600, 使用后请删除)`,
      }
    : { en: 'created; password shown above', zh: '已创建; 密码见上方' };
}
