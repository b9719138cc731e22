import { printable, type Text } from '../../core/text.ts';

/** Markup that is finished; everything else is text, and is escaped. */
export class Html {
  constructor(readonly markup: string) {}
}

type Part = Html | Text | string | number | undefined | readonly Part[];

/** Markup with whatever is put into it escaped; a {@link Text} comes in both languages, of which the page shows one. */
export function html(markup: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(markup.map((text, at) => text + (at < parts.length ? rendered(parts[at]) : '')).join(''));
}

function rendered(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  if (!('en' in part)) return part.map(rendered).join('');
  const { en, zh } = part;
  return en === zh ? escaped(en) : `<span lang="en">${escaped(en)}</span><span lang="zh">${escaped(zh)}</span>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Also for the value of an attribute in quotes. */
const escaped = (text: string): string => printable(text).replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
