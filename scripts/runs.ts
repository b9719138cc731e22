#!/usr/bin/env -S npx tsx
/**
 * The runs of this tool in a deploy directory: what happened, what happens now, and how to go on after one that did not end. Looking takes
 * no lock, so that it is possible at any time.
 */
import * as runs from '../lib/flows/runs/index.ts';
import { program, type Script } from '../lib/index.ts';

const RUN = {
  name: 'run',
  optional: true,
  help: {
    en: 'its name or the end of it (default: the last)',
    zh: '运行名称或其结尾(默认: 最近一次)',
  },
} as const;
const UNFINISHED = {
  name: 'run',
  optional: true,
  help: {
    en: 'its name or the end of it (default: the unfinished one)',
    zh: '运行名称或其结尾(默认: 未结束的一次)',
  },
} as const;

export const runsScript: Script = {
  name: 'runs',
  about: {
    en: 'What ran in this deploy directory, and how to continue or undo it.',
    zh: '查看本部署目录的运行记录, 以及如何继续或撤销.',
  },
  commands: {
    list: {
      about: { en: 'the last runs, newest first', zh: '列出最近的运行记录, 最新在前' },
      flags: {
        limit: {
          type: 'string',
          value: 'N',
          count: true,
          help: { en: 'how many (default 20)', zh: '显示条数(默认 20)' },
        },
        html: {
          type: 'boolean',
          help: { en: 'as an HTML page that links their reports', zh: '生成带报告链接的页面, 存放在运行记录旁' },
        },
      },
      onlyLooks: true,
      run: async (ops, flags) => {
        const limit = Number(flags.limit ?? 20);
        return flags.html ? runs.listAsPage(ops, limit) : runs.list(ops, limit);
      },
    },

    show: {
      about: {
        en: 'steps, evidence, errors and commands of a run, and what is there now',
        zh: '显示一次运行的步骤、证据、错误、命令及当前实际状态',
      },
      flags: {},
      positionals: [RUN],
      onlyLooks: true,
      run: async (ops, flags) => runs.show(ops, runs.findRun(ops, flags.run, 'newest')),
    },

    report: {
      about: {
        en: 'write the page of a run again, to send on: report.html beside its journal',
        zh: '重新生成一次运行的报告页面 (流水旁的 report.html), 可转发',
      },
      flags: {},
      positionals: [RUN],
      onlyLooks: true,
      run: async (ops, flags) => runs.report(ops, runs.findRun(ops, flags.run, 'newest')),
    },

    follow: {
      about: {
        en: 'watch a run until it ends, and end with its exit code',
        zh: '持续显示一次运行直到结束, 并以其退出码退出',
      },
      flags: {},
      positionals: [RUN],
      onlyLooks: true,
      run: async (ops, flags) => runs.follow(ops, runs.findRun(ops, flags.run, 'newest').name),
    },

    // Both only say which script to run, and with which options: that one looks, plans, asks and proves as ever.
    resume: {
      about: {
        en: 'finish a run that did not end: its script again, with the same meaning',
        zh: '完成未结束的运行: 按当时所指的目标重新执行其脚本',
      },
      flags: {},
      positionals: [UNFINISHED],
      onlyLooks: true,
      run: async (ops, flags) => runs.resume(ops, runs.findRun(ops, flags.run, 'unfinished')),
    },

    undo: {
      about: { en: 'go back to what was there before a run', zh: '回到一次运行之前的状态' },
      flags: {},
      positionals: [UNFINISHED],
      onlyLooks: true,
      run: async (ops, flags) => runs.undo(ops, runs.findRun(ops, flags.run, 'unfinished')),
    },

    // No run of its own: that would be one more to look after.
    leave: {
      about: {
        en: 'leave things as an unfinished run left them: it is not asked about any more',
        zh: '保持未结束的运行留下的现状, 今后不再询问',
      },
      flags: {},
      positionals: [UNFINISHED],
      onlyLooks: true,
      run: async (ops, flags) => runs.leave(ops, runs.findRun(ops, flags.run, 'unfinished'), flags.planOnly),
    },
  },
};

await program(import.meta, runsScript);
