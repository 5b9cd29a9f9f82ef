/**
 * Loaded into a process by `NODE_OPTIONS=--require`: its wall clock is off by as many milliseconds as the file `WXPAY_TEST_CLOCK`
 * says, and jumps whenever that file changes. The monotonic clock goes on as it does on a machine whose clock is set.
 */
const { readFileSync } = require('node:fs');

const Real = Date;
const file = process.env.WXPAY_TEST_CLOCK;
const now = () => {
  try {
    return Real.now() + Number(readFileSync(file, 'utf8'));
  } catch {
    return Real.now();
  }
};
globalThis.Date = class Date extends Real {
  constructor(...args) {
    if (args.length === 0) super(now());
    else super(...args);
  }
  static now() {
    return now();
  }
};
