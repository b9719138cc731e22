import type { Text } from '../../core/text.ts';

/** How long ago something was, in its two largest units: `3 days 4 h`, `12 min`. @param at milliseconds since the epoch. */
export function ageText(at: number, date: string): Text {
  const minutes = Math.max(0, Math.floor((at - Date.parse(date)) / 60_000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  if (days > 0) return { en: `${days} days ${hours} h`, zh: `${days} 天 ${hours} 小时` };
  if (hours > 0) return { en: `${hours} h ${minutes % 60} min`, zh: `${hours} 小时 ${minutes % 60} 分钟` };
  return { en: `${minutes} min`, zh: `${minutes} 分钟` };
}
