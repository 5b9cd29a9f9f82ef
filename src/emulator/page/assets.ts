/** The page's files, put into the program as text when it is built. */
// oxlint-disable import/default -- texts, not modules
import { signatureFaults } from '../faults.ts';
import { failReasons } from '../rules/transfer.ts';
import app from './assets/app.js?raw';
import connection from './assets/connection.js?raw';
import dom from './assets/dom.js?raw';
import faults from './assets/faults.js?raw';
import icon from './assets/icon.svg?raw';
import payers from './assets/payers.js?raw';
import rows from './assets/rows.js?raw';
import settings from './assets/settings.js?raw';
import style from './assets/style.css?raw';
import transfers from './assets/transfers.js?raw';
import { texts } from './texts.ts';

export interface Asset {
  readonly type: string;
  readonly text: string;
}

const script = (text: string): Asset => ({ type: 'text/javascript; charset=utf-8', text });

/** By their names below `/_page/`. */
export const assets: Readonly<Record<string, Asset>> = {
  'app.js': script(app),
  'choices.js': script(
    `export const failReasons = ${JSON.stringify(failReasons)};\nexport const signatureFaults = ${JSON.stringify(signatureFaults)};\n`,
  ),
  'connection.js': script(connection),
  'dom.js': script(dom),
  'faults.js': script(faults),
  'payers.js': script(payers),
  'rows.js': script(rows),
  'settings.js': script(settings),
  'transfers.js': script(transfers),
  'texts.js': script(`export const texts = ${JSON.stringify(texts)};\n`),
  'style.css': { type: 'text/css; charset=utf-8', text: style },
  'icon.svg': { type: 'image/svg+xml', text: icon },
};
