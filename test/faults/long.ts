/** `npm run test:faults` sets it: every test at its full length. `npm test` runs shorter versions, and leaves some out. */
export const long = process.env['WXPAY_FAULT_LONG'] === '1';
