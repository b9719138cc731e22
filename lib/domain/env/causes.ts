// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sentences quote what stands in a .env file
import type { Text } from '../../core/text.ts';

/** Why a line of `.env` is not read alike by all, or what its reading would do. None contains any part of a value. */
export const CAUSES = {
  executes: {
    en: 'backticks and $(…) are executed as commands by the container’s start script (`source`), and taken literally by others. Put the value in single quotes',
    zh: '反引号和 $(…) 会被容器启动脚本 (source) 当作命令执行, 而其他程序按字面读取. 请用单引号括住该值',
  },
  dollar: {
    en: 'an unprotected $ is read in three ways (variable, process id, literal). Put the value in single quotes',
    zh: '未加保护的 $ 有三种解读 (变量, 进程号, 字面). 请用单引号括住该值',
  },
  defaultForm: {
    en: 'only the plain form ${NAME} is read alike; ${NAME:-default} and the like are not',
    zh: '只有 ${NAME} 这种简单写法各程序读法一致, ${NAME:-默认值} 等写法不一致',
  },
  undefinedReference: {
    en: 'it refers with ${…} to a variable that no earlier line of the file defines; it would become empty',
    zh: '通过 ${…} 引用了文件中前面没有定义的变量, 结果会变成空值',
  },
  hash: {
    en: 'a # outside of quotes: some readers cut the value there. Put the value in single quotes (a comment needs a value and a space before it)',
    zh: '引号外有 #: 部分程序会从此处截断. 请用单引号括住该值 (行尾注释前须有值和空格)',
  },
  space: {
    en: 'a space outside of quotes: the container’s start script (`source`) would execute what follows it. Put the value in single quotes, and none around =',
    zh: '引号外有空格: 容器启动脚本 (source) 会把空格后的内容当作命令执行. 请用单引号括住该值, 且 = 两侧不要留空格',
  },
  shellCharacter: {
    en: 'one of ; & | < > ( ) outside of quotes: the container’s start script (`source`) would execute or redirect. Put the value in single quotes',
    zh: '引号外有 ; & | < > ( ) 之一: 容器启动脚本 (source) 会执行命令或重定向. 请用单引号括住该值',
  },
  quoteInside: {
    en: 'a quote inside the value, or text right after the closing quote: the readers disagree. Put the value in single quotes; a value with a \' in double quotes, if it has no $ ` " \\',
    zh: '值内部有引号, 或右引号后紧跟其他内容: 各程序读法不一致. 请用单引号括住该值; 若值中含单引号且不含 $ ` " \\, 则用双引号',
  },
  backslash: {
    en: 'a backslash: the readers disagree in every kind of quotes. Choose a value without one',
    zh: '含反斜杠: 无论用哪种引号, 各程序读法都不一致. 请改用不含反斜杠的值',
  },
  tilde: {
    en: 'a ~ at the beginning or after a colon: the shell puts a home directory there. Put the value in single quotes',
    zh: '开头或冒号后有 ~: shell 会替换为主目录. 请用单引号括住该值',
  },
  openQuote: {
    en: 'its quote is not closed on the same line. Values of several lines are not supported',
    zh: '引号没有在同一行闭合. 不支持跨多行的值',
  },
  control: {
    en: 'it contains a control character or an invisible line separator',
    zh: '含有控制字符或不可见的行分隔符',
  },
  spaced: {
    en: 'it must be NAME=value, without spaces around = and without a colon: the container’s start script (`source`) would execute the name as a command',
    zh: '必须写成 NAME=value, = 两侧无空格, 不用冒号: 否则容器启动脚本 (source) 会把变量名当作命令执行',
  },
  notAssignment: {
    en: 'this line is neither NAME=value nor a comment: the container’s start script (`source`) would execute it',
    zh: '该行既不是 NAME=value 也不是注释: 容器启动脚本 (source) 会把它当作命令执行',
  },
  reserved: {
    en: 'this name belongs to the shell or the system: setting it here breaks the container’s start script or has no effect',
    zh: '该名称由 shell 或系统保留: 在此设置会破坏容器启动脚本或不生效',
  },
  dotenv: {
    en: 'the dotenv reader takes this file differently here; look for unusual characters in this line and the ones around it',
    zh: 'dotenv 在此处的读取结果不同, 请检查该行及前后行是否有异常字符',
  },
  exported: {
    en: 'the word `export` is not needed; some readers of such files refuse it',
    zh: '不需要写 export, 部分读取此类文件的程序不接受',
  },
  bom: {
    en: 'the file begins with a byte order mark (BOM), which the container’s start script (`source`) takes for a part of the first name. Save it as UTF-8 without BOM',
    zh: '文件以 BOM 开头, 容器启动脚本 (source) 会把它当作第一个变量名的一部分. 请保存为不带 BOM 的 UTF-8',
  },
  crlf: {
    en: 'the file has Windows line ends (CRLF); in the container every value would end in an invisible character. Fix: sed -i "s/\\r$//" .env',
    zh: '文件使用 Windows 换行符 (CRLF), 容器内每个值末尾都会多出一个不可见字符. 修复: sed -i "s/\\r$//" .env',
  },
  compose: {
    en: 'docker compose reads another value from this line than the container’s start script',
    zh: 'docker compose 从该行读到的值与容器启动脚本不同',
  },
  composeEnvironment: {
    en: 'a variable of the same name in the environment of this command takes precedence over the file',
    zh: '当前命令的环境中有同名变量, 其优先级高于该文件',
  },
  composeRefuses: {
    en: 'docker compose can’t read the file from this line on',
    zh: 'docker compose 从该行起无法读取该文件',
  },
} as const satisfies Record<string, Text>;

/** Defined twice: which one counts depends on the reader where another line refers to it. */
export const duplicate = (first: number): Text => ({
  en: `it is also defined in line ${first}. Delete one of the two`,
  zh: `第 ${first} 行已定义同名变量, 请删除其中一个`,
});

/** A `${…}` that would be empty, because the variable comes later. */
export const definedLater = (name: string, line: number): Text => ({
  en: `it refers to \${${name}}, which only line ${line} defines. Move that line up`,
  zh: `引用了 \${${name}}, 但该变量到第 ${line} 行才定义, 请把那一行移到前面`,
});
