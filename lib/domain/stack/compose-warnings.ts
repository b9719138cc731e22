import { printable, type Text } from '../../core/text.ts';

/** What compose said of its configuration, for a plan. */
export function composeSaid(said: string): Text {
  const [, unset] = /^The "(.*)" variable is not set\./.exec(said) ?? [];
  if (unset === undefined)
    return { en: `docker compose: ${printable(said)}`, zh: `docker compose: ${printable(said)}` };
  const name = printable(unset);
  return {
    en: `The compose file uses ${name}, which nothing sets: it is empty in what compose makes. Define it in .env.`,
    zh: `compose 文件引用了未定义的变量 ${name}, 结果为空. 请在 .env 中定义.`,
  };
}
