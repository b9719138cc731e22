#!/usr/bin/env -S npx tsx
/**
 * Backups of the database: taken while production goes on and proved by a restore, listed, tried out again, cleared away, and encrypted
 * for a copy elsewhere. Nothing here changes production. `scripts/restore-prod.ts` is the way back to one.
 */
import path from 'node:path';
import * as backup from '../lib/flows/backup/index.ts';
import { program, type Script, usage } from '../lib/index.ts';

const WHICH = {
  name: 'backup',
  help: {
    en: 'a backup by its name or directory, or latest',
    zh: '备份名称或目录, 或 latest',
  },
} as const;

const text = (value: string | boolean | undefined) => (value === undefined ? undefined : String(value));
const number = (value: string | boolean | undefined) => (value === undefined ? undefined : Number(value));

export const backupProd: Script = {
  name: 'backup-prod',
  about: {
    en: 'Backups of the database: each is restored into a throwaway server and compared before it counts as one.',
    zh: '数据库备份: 每份备份都会恢复到临时数据库并比对, 通过后才算有效.',
  },
  commands: {
    create: {
      about: { en: 'take a backup and prove it by a restore', zh: '创建备份, 并通过恢复验证' },
      watched: 'backup',
      flags: {
        tag: {
          type: 'string',
          value: 'TAG',
          help: { en: 'a name for it; prune never removes it', zh: '标签; 有标签的备份不会被清理' },
        },
        userdata: {
          type: 'boolean',
          help: { en: 'save userdata of the application, too', zh: '同时备份应用的 userdata' },
        },
        from: {
          type: 'string',
          value: 'ARCHIVE',
          help: {
            en: 'of what is in the archive of a volume, instead of production',
            zh: '从数据卷归档 (而不是生产库) 制作备份',
          },
        },
        database: {
          type: 'string',
          value: 'NAME',
          help: { en: 'with --from: another database of that cluster', zh: '与 --from 合用: 该集群中的其他数据库' },
        },
      },
      run: (ops, flags) => {
        const [tag, from, database] = [text(flags.tag), text(flags.from), text(flags.database)];
        const { planOnly } = flags;
        if (from !== undefined) return backup.backUpArchive(ops, { planOnly, tag, from, database });
        return backup.createBackup(ops, { planOnly, tag, userdata: flags.userdata === true });
      },
    },

    list: {
      about: { en: 'show the backups, damaged and unfinished ones too', zh: '列出备份, 包括损坏和未完成的' },
      flags: {},
      onlyLooks: true,
      run: async (ops) => backup.listAll(ops),
    },

    verify: {
      about: { en: 'try a backup out and note the result', zh: '验证备份并记录结果' },
      flags: {
        level: {
          type: 'string',
          choices: backup.LEVELS,
          help: {
            en: 'checksum: the same files; readable: the whole archive; restored (default): restored and compared',
            zh: 'checksum: 文件一致; readable: 归档可完整读取; restored (默认): 恢复并逐项比对',
          },
        },
      },
      positionals: [
        {
          ...WHICH,
          optional: true,
          help: { en: 'a backup by its name or directory (default: latest)', zh: '备份名称或目录 (默认 latest)' },
        },
      ],
      run: (ops, flags) => {
        const level = backup.LEVELS.find((l) => l === flags.level) ?? 'restored';
        return backup.verify(ops, String(flags.backup ?? 'latest'), level, flags.planOnly);
      },
    },

    prune: {
      about: { en: 'remove old backups; never the last proved one', zh: '清理旧备份; 始终保留最近一份已验证的备份' },
      flags: {
        keep: {
          type: 'string',
          value: 'N',
          count: true,
          help: {
            en: 'keep the newest N of each database; this or --keep-days is needed',
            zh: '每个数据库保留最近 N 份; 与 --keep-days 至少指定一个',
          },
        },
        'keep-days': {
          type: 'string',
          value: 'D',
          count: true,
          help: { en: 'keep backups younger than D days', zh: '保留 D 天以内的备份' },
        },
        'keep-tag': {
          type: 'string',
          value: 'TAG',
          help: {
            en: 'keep only these of the tagged ones (default: all)',
            zh: '带标签的备份中只保留该标签(默认全部保留)',
          },
        },
      },
      run: (ops, flags) => {
        const retention = {
          keep: number(flags.keep),
          keepDays: number(flags['keep-days']),
          keepTag: text(flags['keep-tag']),
        };
        return backup.prune(ops, { planOnly: flags.planOnly, retention, confirm: text(flags.confirm) });
      },
    },

    export: {
      about: { en: 'encrypt a backup with age, for a copy elsewhere', zh: '用 age 加密备份, 以便异地保存' },
      flags: {
        'encrypt-to': {
          type: 'string',
          value: 'RECIPIENT',
          pattern: /^age1[a-z0-9]+(,\s*age1[a-z0-9]+)*$/, // a secret key that is pasted here must not get into a journal
          help: { en: 'public keys (age1…), separated by commas', zh: '接收方公钥 (age1…), 用逗号分隔' },
        },
        to: { type: 'string', value: 'DIR', help: { en: 'where the copy goes', zh: '副本保存目录' } },
      },
      positionals: [WHICH],
      run: (ops, flags) => {
        const { 'encrypt-to': recipients, to } = flags;
        if (recipients === undefined || to === undefined) throw incomplete;
        const options = { planOnly: flags.planOnly, recipients: String(recipients), to: path.resolve(String(to)) };
        return backup.exportBackup(ops, String(flags.backup), options);
      },
    },
  },
};

const incomplete = usage({ en: 'export needs --encrypt-to and --to', zh: 'export 需要 --encrypt-to 和 --to' });

await program(import.meta, backupProd);
