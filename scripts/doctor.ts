#!/usr/bin/env -S npx tsx
/** What is wrong with the deployment: broken now, or at its next restart. Takes no lock, and works when half of it is down. */
import path from 'node:path';
import * as doctor from '../lib/flows/doctor/index.ts';
import { program, type Script } from '../lib/index.ts';

export const doctorScript: Script = {
  name: 'doctor',
  about: {
    en: 'Finds what is wrong with the deployment, the cause first, and what fixes it. Changes nothing without --fix.',
    zh: '检查部署有何问题: 先列根因, 再给出处理命令. 不加 --fix 时不做任何改动.',
  },
  flags: {
    only: {
      type: 'string',
      value: 'ID,…',
      help: { en: 'only these checks: env.drift,database.*', zh: '只做这些检查: env.drift,database.*' },
    },
    explain: {
      type: 'string',
      value: 'ID',
      help: { en: 'what a check is about, without asking anything', zh: '说明某个检查项的含义, 不做检查' },
    },
    quiet: {
      type: 'boolean',
      help: { en: 'only what is wrong; nothing at all when all is well', zh: '只显示问题, 一切正常时不输出' },
    },
    strict: { type: 'boolean', help: { en: 'exit code 1 for warnings, too', zh: '有警告时也以退出码 1 结束' } },
    watch: {
      type: 'boolean',
      help: { en: 'look again every 5 s, and show what has changed', zh: '每 5 秒重新检查, 只显示变化' },
    },
    fix: {
      type: 'boolean',
      help: {
        en: 'start again what was stopped; asks before each',
        zh: '重新启动被停止的程序或容器, 逐项询问',
      },
    },
    bundle: {
      type: 'string',
      value: 'FILE',
      help: {
        en: 'one archive (.tar.gz) to send to a colleague, without secrets; shown before it is written',
        zh: '生成一份可发给同事的归档 (.tar.gz), 不含密钥; 写入前先展示内容',
      },
    },
  },
  onlyLooks: (flags) => flags.fix !== true,
  run: async (ops, flags) => {
    doctor.refuseSeveral(flags);
    if (flags.explain !== undefined) return doctor.explain(ops, doctor.checkOf(String(flags.explain)));
    const checks = doctor.selectChecks(flags.only as string | undefined);
    const how = {
      all: flags.verbose === true || flags.json === true,
      quiet: flags.quiet === true,
      strict: flags.strict === true,
    };
    if (flags.bundle !== undefined) return doctor.bundle(ops, path.resolve(String(flags.bundle)), flags.planOnly);
    if (flags.watch) return doctor.watch(ops, checks, 5, how);
    return flags.fix ? doctor.mend(ops, checks, { ...how, planOnly: flags.planOnly }) : doctor.look(ops, checks, how);
  },
};

await program(import.meta, doctorScript);
