/** Serials of platform certificates. */

/** Compares without case and without leading zeros, which some SDKs lose (protocol 12). */
export function sameSerial(a: string, b: string): boolean {
  return padded(a) === padded(b);
}

function padded(serial: string): string {
  return serial.toUpperCase().padStart(40, '0');
}
