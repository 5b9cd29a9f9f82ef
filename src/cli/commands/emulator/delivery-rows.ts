/** How it went with the callback of what was just done; nothing where there was none to send. */
import type { Translate } from '../../../i18n/translate.ts';
import type { DetailRow } from '../../../output/view.ts';

export function deliveryRows(
  callback: { readonly delivered: boolean; readonly url: string } | null,
  t: Translate,
): readonly DetailRow[] {
  if (callback === null) return [];
  const { delivered, url } = callback;
  return [
    {
      label: t('emulator.label.callback'),
      value: delivered
        ? { text: t('emulator.callback.delivered', { url }), tone: 'good' }
        : { text: t('emulator.callback.failed', { url }), tone: 'bad' },
    },
  ];
}
