/** The APIv3 key of the key ring's tests; apart, so that their child process loads nothing else. */
export const apiV3Key = Buffer.from('0123456789abcdefghijABCDEFGHIJ32');
