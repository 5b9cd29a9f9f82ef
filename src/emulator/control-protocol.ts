/** What both ends of the control API know. */
export const controlPrefix = '/_emulator/';
export const tokenHeader = 'wxpay-emulator-token';
