import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { Ops } from '../../core/ops.ts';

/** A certificate, as far as it matters. */
export interface Certificate {
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
  /** Names that it is good for. */
  readonly names: readonly string[];
}

export interface ServedCertificate extends Certificate {
  readonly port: number;
}

/** The first certificate of a PEM text; `undefined` when there is none. */
export function certificateIn(pem: string): Certificate | undefined {
  try {
    const { fingerprint256, validFrom, validTo, subject, subjectAltName = '' } = new X509Certificate(pem);
    const common = /^CN=(.+)$/m.exec(subject ?? '')?.[1];
    const names = [...subjectAltName.matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(([, name = '']) => name);
    return {
      fingerprint: fingerprint256,
      validFrom: Date.parse(validFrom),
      validTo: Date.parse(validTo),
      names: names.length > 0 ? names : common ? [common] : [],
    };
  } catch {
    return undefined;
  }
}

/** What a server shows to whoever comes, whether they would trust it or not; `undefined` when it does not speak TLS in time. */
export function servedCertificate(
  ops: Pick<Ops, 'net' | 'signal'>,
  address: { readonly host: string; readonly port: number },
  timeoutMs: number,
): Promise<ServedCertificate | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ socket: ops.net.connect(address), rejectUnauthorized: false });
    const end = (found?: ServedCertificate) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    const timer = setTimeout(() => setImmediate(() => end()), timeoutMs);
    socket.on('error', () => end());
    socket.on('secureConnect', () => {
      const { raw } = socket.getPeerCertificate();
      const pem = raw && `-----BEGIN CERTIFICATE-----\n${raw.toString('base64')}\n-----END CERTIFICATE-----\n`;
      const certificate = pem ? certificateIn(pem) : undefined;
      end(certificate && { ...certificate, port: address.port });
    });
  });
}
