/** The page's files, put into the program as text when it is built. */
// oxlint-disable import/default -- texts, not modules
import app from './assets/app.js?raw';
import connection from './assets/connection.js?raw';
import dom from './assets/dom.js?raw';
import icon from './assets/icon.svg?raw';
import rows from './assets/rows.js?raw';
import style from './assets/style.css?raw';
import { texts } from './texts.ts';

export interface Asset {
  readonly type: string;
  readonly text: string;
}

const script = (text: string): Asset => ({ type: 'text/javascript; charset=utf-8', text });

/** By their names below `/_page/`. */
export const assets: Readonly<Record<string, Asset>> = {
  'app.js': script(app),
  'connection.js': script(connection),
  'dom.js': script(dom),
  'rows.js': script(rows),
  'texts.js': script(`export const texts = ${JSON.stringify(texts)};\n`),
  'style.css': { type: 'text/css; charset=utf-8', text: style },
  'icon.svg': { type: 'image/svg+xml', text: icon },
};
