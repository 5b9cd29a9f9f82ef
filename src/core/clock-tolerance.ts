/**
 * Seconds by which two clocks may differ. WeChat Pay refuses requests that are further off than five minutes and asks the
 * same of whoever verifies its messages (protocol 1.2 and 2).
 */
export const clockToleranceSeconds = 300;
