/** The checks that a request passes one after the other, named so that the log can tell where it was stopped (states 7). */

/** `rules`: what the endpoint asks of its parameters and states. `fault`: no check, a fault rule answered instead. */
export type Check =
  | 'host'
  | 'size'
  | 'certificate'
  | 'path'
  | 'client-headers'
  | 'authorization'
  | 'timestamp'
  | 'xml'
  | 'merchant'
  | 'serial'
  | 'own-certificate'
  | 'signature'
  | 'rules'
  | 'fault';
