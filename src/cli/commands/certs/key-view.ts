/** How keys look to people; one list for download, list and show. */
import type { Translate } from '../../../i18n/translate.ts';
import type { KeyReport } from '../../../operations/certificates.ts';
import { expiryCell, formatTime } from '../../../output/time.ts';
import type { Block, Cell, DetailRow } from '../../../output/view.ts';

export function keyTable(keys: readonly KeyReport[], now: number, t: Translate): Block {
  return {
    kind: 'table',
    columns: [
      { field: 'serial_no', title: t('certs.label.serial'), fixed: true },
      { field: 'kind', title: t('certs.label.kind'), wraps: true },
      { field: 'days_left', title: t('certs.label.expires'), wraps: true },
      { field: 'preferred', title: t('certs.label.preferred'), wraps: true },
    ],
    rows: keys.map((key) => [
      key.serial_no,
      t(`certs.kind.${key.kind}`),
      expiry(key, now, t),
      key.preferred ? { text: t('certs.preferred.yes'), tone: 'good' as const } : '',
    ]),
    empty: t('certs.empty'),
  };
}

export function keyDetails(key: KeyReport, now: number, t: Translate): Block {
  const rows: DetailRow[] = [
    { label: t('certs.label.serial'), value: key.serial_no },
    { label: t('certs.label.kind'), value: t(`certs.kind.${key.kind}`) },
  ];
  if (key.effective_time !== null)
    rows.push({ label: t('certs.label.effective'), value: formatTime(key.effective_time) });
  if (key.expire_time !== null) rows.push({ label: t('certs.label.expire'), value: formatTime(key.expire_time) });
  rows.push({ label: t('certs.label.expires'), value: expiry(key, now, t) });
  if (key.subject !== null) rows.push({ label: t('certs.label.subject'), value: key.subject });
  if (key.issuer !== null) rows.push({ label: t('certs.label.issuer'), value: key.issuer });
  if (key.tenpay_issued !== null)
    rows.push({
      label: t('certs.label.chain'),
      value: key.tenpay_issued
        ? { text: t('certs.chain.tenpay'), tone: 'good' }
        : { text: t('certs.chain.other'), tone: 'warn' },
    });
  rows.push({ label: t('certs.label.fingerprint'), value: key.fingerprint_sha256 });
  if (key.preferred)
    rows.push({ label: t('certs.label.preferred'), value: { text: t('certs.preferred.yes'), tone: 'good' } });
  return { kind: 'details', rows };
}

function expiry(key: KeyReport, now: number, t: Translate): string | Cell {
  return key.expire_time === null ? t('certs.no_expiry') : expiryCell(Date.parse(key.expire_time), now, t);
}
