import { type Break, edit } from './break.ts';

const trap = (name: string) => ({
  test: 'test/e2e/git-hostile.e2e.test.ts',
  named: `runs nothing of the repository’s own: ${name}`,
});

/** Secrets, and what comes from outside. */
export const WORDS: readonly Break[] = [
  {
    what: { en: 'the foreign text of a journal is shown as it is', zh: '流水中的外来文本原样显示' },
    edits: [edit('lib/runs/interrupted/messages.ts', 'same(printable(command))];', 'same(command)];')],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'without its power over the terminal',
  },
  {
    what: { en: 'what is shown is not made printable in one place', zh: '输出前不统一转义' },
    edits: [edit('lib/runs/terminal/terminal.ts', 'printable(options.redact(text))', 'options.redact(text)')],
    test: 'test/unit/runs/terminal/terminal.test.ts',
    named: 'shows no foreign text that a terminal obeys',
  },
  {
    what: { en: 'the second line of foreign text begins at the first column', zh: '外来文本的第二行从行首开始' },
    edits: [edit('lib/runs/terminal/terminal.ts', 'indented(safe(text))', 'safe(text)')],
    test: 'test/unit/runs/terminal/terminal.test.ts',
    named: 'shows no foreign text that a terminal obeys',
  },
  {
    what: { en: 'JSON as it is', zh: 'JSON 原样输出' },
    edits: [
      edit(
        'lib/runs/terminal/terminal.ts',
        'options.redact(json(redactedIn(e, options.redact)))',
        'options.redact(JSON.stringify(redactedIn(e, options.redact)))',
      ),
    ],
    test: 'test/unit/runs/terminal/terminal.test.ts',
    named: 'shows no foreign text that a terminal obeys',
  },
  {
    what: { en: 'a question as it is', zh: '提问原样输出' },
    edits: [
      edit(
        'lib/runs/terminal/terminal.ts',
        'prompts.phrase(safe(t(question)), ends)',
        'prompts.phrase(t(question), ends)',
      ),
    ],
    test: 'test/unit/runs/terminal/terminal.test.ts',
    named: 'asks no question with such text either',
  },
  {
    what: { en: 'secrets are not known in base64', zh: '不识别 base64 形式的密钥' },
    edits: [edit('lib/core/secrets.ts', '...inBase64(value),', '')],
    test: 'test/unit/core/secrets.test.ts',
    named: 'in every shape',
  },
  {
    what: { en: 'secrets are not known as they are shown', zh: '不识别转义后的密钥' },
    edits: [edit('lib/core/secrets.ts', '    printable(value),\n', '')],
    test: 'test/unit/core/secrets.test.ts',
    named: 'in every shape',
  },
  {
    what: { en: 'words are put between quotes without zx’s quoting', zh: '只加引号, 不用 zx 的转义' },
    edits: [edit('lib/core/shell.ts', '    quote,\n', '    quote: (word) => `"${word}"`,\n')],
    test: 'test/processes/words.test.ts',
    named: 'gives every word to the program as it is',
  },
  {
    what: { en: 'a manifest takes any image', zh: 'manifest 接受任意镜像名' },
    edits: [
      edit(
        'lib/domain/backup/manifest.ts',
        String.raw`const image = z.string().regex(/^\w[\w.:/@-]*$/);`,
        'const image = z.string();',
      ),
    ],
    test: 'test/unit/domain/backup/manifest.test.ts',
    named: 'that is an option or leads elsewhere',
  },
  {
    what: { en: 'the ledger takes any image', zh: '发布记录接受任意镜像名' },
    edits: [
      edit(
        'lib/domain/ledger/releases.ts',
        String.raw`const image = z.string().regex(/^\w[\w.:/@-]*$/);`,
        'const image = z.string();',
      ),
    ],
    test: 'test/unit/domain/images/keep-policy.test.ts',
    named: 'passes over a line',
  },
  {
    what: { en: 'a journal may answer', zh: '流水可以代人作答' },
    edits: [edit('lib/runs/command-line/typed-again.ts', 'return !common && ', 'return ')],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'starts nothing that a journal answers itself',
  },
  {
    what: { en: 'a volume may be called anything', zh: '卷可以取任意名称' },
    edits: [
      edit('lib/domain/stack/compose-config.ts', String.raw`const NAME = /^[a-zA-Z0-9][\w.-]*$/;`, 'const NAME = /^/;'),
    ],
    test: 'test/unit/domain/stack/compose-config.test.ts',
    named: 'a volume that looks like an option',
  },
  {
    what: { en: 'an image may be called anything', zh: '镜像可以取任意名称' },
    edits: [
      edit(
        'lib/domain/stack/compose-config.ts',
        String.raw`const REFERENCE = /^[a-zA-Z0-9][\w./:@-]*$/;`,
        'const REFERENCE = /^/;',
      ),
    ],
    test: 'test/unit/domain/stack/compose-config.test.ts',
    named: 'an image that looks like an option',
  },
  {
    what: { en: 'what a tool answers is trusted to have its form', zh: '假定工具的回答格式正确' },
    edits: [edit('lib/core/tool-output.ts', 'return form.parse(JSON.parse(text));', 'return JSON.parse(text) as T;')],
    test: 'test/unit/parsers.test.ts',
    named: 'is what it said, or an error of ours',
  },
  {
    what: { en: 'a container gets its variables by value', zh: '容器变量以值传入命令行' },
    edits: [
      edit(
        'lib/tools/docker/docker.ts',
        "Object.keys(options.env ?? {}).flatMap((name) => ['-e', name])",
        "Object.entries(options.env ?? {}).flatMap(([name, value]) => ['-e', `${name}=${value}`])",
      ),
    ],
    test: 'test/e2e/secrets.e2e.test.ts',
    named: 'no process had one among its arguments',
  },
  {
    what: { en: 'base64 of a secret is shown', zh: '显示密钥的 base64' },
    edits: [edit('lib/core/secrets.ts', '...inBase64(value),', '')],
    test: 'test/e2e/secrets.e2e.test.ts',
    named: 'nothing that was shown has a secret',
  },
  {
    what: { en: 'the log is readable for others', zh: '日志可被他人读取' },
    edits: [
      edit('lib/runs/main/main.ts', 'appendFileSync(file, text, { mode: 0o600 });', 'appendFileSync(file, text);'),
    ],
    test: 'test/e2e/secrets.e2e.test.ts',
    named: 'nobody else may read it',
  },
  {
    what: { en: 'nobody looks whether the state directory can be written', zh: '不检查状态目录是否可写' },
    edits: [edit('lib/runs/command-line/deploy-dir.ts', 'accessSync(dir, constants.W_OK)', 'constants.W_OK')],
    test: 'test/e2e/faults.e2e.test.ts',
    named: 'a deploy directory that can only be read',
  },
  {
    what: { en: 'the repository’s monitor is not switched off', zh: '不停用仓库的监视程序' },
    edits: [edit('lib/tools/git/git.ts', "    'core.fsmonitor=false',\n", '')],
    ...trap('core.fsmonitor'),
  },
  {
    what: { en: 'its hooks are not switched off', zh: '不停用仓库的钩子' },
    edits: [edit('lib/tools/git/git.ts', "    'core.hooksPath=/dev/null',\n", '')],
    ...trap('hooks in .git'),
  },
  {
    what: { en: 'its filters are not switched off', zh: '不停用仓库的过滤器' },
    edits: [edit('lib/tools/git/filters.ts', 'return [...names].flatMap((name) =>', 'return [].flatMap((name) =>')],
    ...trap('a clean filter'),
  },
  {
    what: { en: 'submodules are looked into', zh: '检查子模块的内容' },
    edits: [edit('lib/domain/release/local-changes.ts', ", '--ignore-submodules=all'];", '];')],
    ...trap('a filter in a submodule'),
  },
  {
    what: { en: 'its upload-pack is run', zh: '执行仓库指定的 upload-pack' },
    edits: [edit('lib/tools/git/git.ts', "...['--upload-pack=git-upload-pack', options.tags", '...[options.tags')],
    ...trap('remote.origin.uploadpack'),
  },
  {
    what: { en: 'an ext:: address is allowed', zh: '允许 ext:: 地址' },
    edits: [edit('lib/core/shell.ts', "?? 'file:git:http:https:ssh',", "?? 'ext:file:git:http:https:ssh',")],
    ...trap('an ext:: address'),
  },
  {
    what: { en: 'its programs are not refused', zh: '不拒绝仓库配置的外部程序' },
    edits: [edit('lib/tools/git/programs.ts', 'if (foreign.length > 0) throw', 'if (foreign.length < 0) throw')],
    ...trap('core.sshCommand'),
  },
  {
    what: { en: 'compose may fetch what it includes', zh: 'compose 可以下载 include 的文件' },
    edits: [
      edit(
        'lib/core/shell.ts',
        "COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'false',",
        "COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'true',",
      ),
    ],
    test: 'test/e2e/git-hostile.e2e.test.ts',
    named: 'fetches no compose file from elsewhere',
  },
];
