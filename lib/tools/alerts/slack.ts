import { atMost, type HttpChannel, JSON_HEADERS, objectIn } from './post.ts';

/**
 * An incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat, Discord's /slack, Zulip).
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export const slack: HttpChannel = {
  post({ title, text }, { url }) {
    // What would be a link, a channel or a person otherwise.
    const plain = (words: string) => words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const said = plain(atMost(`${title}\n${text}`, 8_000));
    return { url, headers: JSON_HEADERS, body: JSON.stringify({ text: said }) };
  },
  /** Slack, Mattermost and Discord answer `ok`; Rocket.Chat `{"success":true}`; Zulip `{"result":"success"}`. */
  refusal(body) {
    const said = objectIn(body);
    const taken = body.trim() === 'ok' || said?.ok === true || said?.success === true || said?.result === 'success';
    return taken ? undefined : body || 'an empty answer';
  },
};
