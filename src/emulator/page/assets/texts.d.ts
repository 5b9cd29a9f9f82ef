/** `texts.js` is made from `../texts.ts` when it is asked for. */
export { texts } from '../texts.ts';
