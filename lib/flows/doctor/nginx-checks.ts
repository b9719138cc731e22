import { same } from '../../core/text.ts';
import { asked } from '../../domain/app/vitals.ts';
import { certificateIn } from '../../tools/http/certificate.ts';
import { type Check, checksOf, fail, nameOf, WELL, warn } from './check.ts';
import { DAY, inside, line, list, t, type } from './words.ts';

const check = checksOf('serving');

/** nginx' own, without its time and process. */
const words = (said: string) => line(said.replace(/\d{4}\/\d\d\/\d\d [\d:]+ (\[\w+\]) \d+#\d+:/g, '$1'));

/** Names that mean whoever asks. */
const ANY = /^(_|localhost|"")$|^[~*]|^\d+\.\d+\.\d+\.\d+$|^$/;

export const nginxChecks: readonly Check[] = [
  check({
    id: 'nginx.config',
    when: 'next-restart',
    title: t('nginx accepts the configuration that lies there', 'nginx 接受磁盘上的配置'),
    meaning: t(
      'It goes on with what it has read before. A reload does nothing, and after a restart there is no nginx: a directive is wrong, or a certificate or key is gone or does not fit.',
      '目前仍按已加载的旧配置服务. reload 不会生效, 重启后 nginx 将无法启动: 指令有误, 或证书/私钥缺失、不匹配.',
    ),
    ask: ['vitals'],
    explains: ['nginx.next-start', 'nginx.stale', 'tls.*', 'container.mounts'],
    judge({ vitals }, facts) {
      const nginx = asked(vitals.nginx);
      if (nginx === undefined || nginx.ok) return WELL;
      return fail(same(words(nginx.said)), inside(nameOf(facts, 'app'), 'nginx', '-t'));
    },
  }),
  check({
    id: 'nginx.next-start',
    when: 'next-restart',
    title: t('nginx accepts the site as the next start renders it', 'nginx 接受下次启动时渲染出的站点配置'),
    meaning: t(
      'The start script makes the site anew from the template and .env, tests it, and ends when nginx refuses: the container would not come up again.',
      '启动脚本会用模板和 .env 重新渲染站点并测试, nginx 不接受时脚本退出: 容器将无法再次启动.',
    ),
    ask: ['site', 'at'],
    judge({ site, at }, facts) {
      if (site === undefined || site.ok) return WELL;
      const { template, from } = at.target.release.site;
      const told = site.said.replace(/\/dev\/shm\/[\w.-]+/g, template);
      const said = told.split('\n').filter((l) => /emerg|alert/.test(l));
      return fail(
        same(words(said.join(' ') || told)),
        inside(nameOf(facts, 'app'), 'cat', template),
        t(
          `Correct WHALEFALL_NGINX_* in .env, or ${from} in the repository, then release it.`,
          `请修正 .env 中的 WHALEFALL_NGINX_*, 或仓库中的 ${from} 后重新发布.`,
        ),
      );
    },
  }),
  check({
    id: 'nginx.stale',
    when: 'next-restart',
    title: t('nginx runs with the configuration that lies there', 'nginx 正在使用磁盘上的配置'),
    meaning: t(
      'Files of its configuration were changed after it had read them: it will behave otherwise after the next reload.',
      '配置文件在 nginx 加载之后又被修改: 下次 reload 后行为会改变.',
    ),
    ask: ['vitals'],
    judge({ vitals }, facts) {
      const nginx = asked(vitals.nginx);
      const { changed, read } = nginx ?? {};
      if (changed == null || read == null || changed - read < 2) return WELL;
      const seconds = Math.round(changed - read);
      return warn(
        t(`changed ${seconds} s after its workers were started`, `在工作进程启动 ${seconds} 秒后被修改`),
        inside(nameOf(facts, 'app'), 'sh', '-c', 'nginx -t && nginx -s reload'),
      );
    },
  }),
  check({
    id: 'tls.certificate',
    title: t('the certificate is valid for three weeks and more', '证书至少还有三周有效期'),
    meaning: t('Browsers refuse the site from that moment on.', '到期后浏览器将拒绝访问.'),
    ask: ['vitals', 'served', 'at'],
    judge({ vitals, served, at }) {
      const files = (asked(vitals.nginx)?.certificates ?? []).flatMap(({ path, pem }) => {
        const found = certificateIn(pem);
        return found ? { ...found, where: path } : [];
      });
      const shown = served.map((c) => ({ ...c, where: `port ${c.port}` }));
      return [...shown, ...files].flatMap(({ validTo, validFrom, where }) => {
        const days = Math.floor((validTo - at.now) / DAY);
        const end = new Date(validTo).toISOString().slice(0, 10);
        const renew = t(
          'Renew it, then have nginx read it: nginx -s reload in the container.',
          '请续期, 然后在容器内执行 nginx -s reload.',
        );
        if (validFrom > at.now) return fail(t(`${where}: not valid yet`, `${where}: 尚未生效`), type('date'));
        if (days < 0) return fail(t(`${where}: expired on ${end}`, `${where}: 已于 ${end} 过期`), renew);
        if (days < 21)
          return warn(
            t(`${where}: expires on ${end}, in ${days} days`, `${where}: 将于 ${end} 过期, 剩余 ${days} 天`),
            renew,
          );
        return [];
      });
    },
  }),
  check({
    id: 'tls.names',
    title: t('the certificate is for the names of the site', '证书包含站点域名'),
    meaning: t('Browsers warn whoever comes by a name that is not in it.', '用不在证书中的域名访问时, 浏览器会告警.'),
    ask: ['vitals'],
    judge({ vitals }) {
      const nginx = asked(vitals.nginx);
      const has = (nginx?.certificates ?? []).flatMap(({ pem }) => certificateIn(pem)?.names ?? []);
      if (nginx === undefined || has.length === 0) return WELL;
      const missing = nginx.names.filter((name) => !ANY.test(name) && !has.some((n) => covers(n, name)));
      return missing.length === 0
        ? WELL
        : warn(
            t(`not in it: ${list(missing)}; it has ${list(has)}`, `缺少: ${list(missing)}; 证书中有 ${list(has)}`),
            t(
              'Have it issued for these names, or correct WHALEFALL_NGINX_SERVER_NAMES in .env.',
              '请为这些域名签发证书, 或修正 .env 中的 WHALEFALL_NGINX_SERVER_NAMES.',
            ),
          );
    },
  }),
  check({
    id: 'tls.served',
    title: t('nginx shows the certificate that lies there', 'nginx 使用的是磁盘上的证书'),
    meaning: t(
      'It was renewed, and nginx still shows the former one, until that expires.',
      '证书已续期, 但 nginx 仍在使用旧证书, 直到其过期.',
    ),
    ask: ['vitals', 'served'],
    judge({ vitals, served }, facts) {
      const there = (asked(vitals.nginx)?.certificates ?? []).flatMap(
        ({ pem }) => certificateIn(pem)?.fingerprint ?? [],
      );
      if (there.length === 0) return WELL;
      return served
        .filter((c) => !there.includes(c.fingerprint))
        .map((c) =>
          warn(
            t(
              `port ${c.port} shows one that is in no file of nginx’ configuration`,
              `端口 ${c.port} 出示的证书不在 nginx 配置的任何文件中`,
            ),
            inside(nameOf(facts, 'app'), 'sh', '-c', 'nginx -t && nginx -s reload'),
          ),
        );
    },
  }),
];

const covers = (certified: string, name: string): boolean =>
  certified === name || (certified.startsWith('*.') && name.replace(/^[^.]+/, '*') === certified);
