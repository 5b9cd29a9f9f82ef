import { errors } from './errors.ts';
import { cli } from './cli.ts';
import { profile } from './profile.ts';
import { order } from './order.ts';
import { refund } from './refund.ts';
import { transfer } from './transfer.ts';
import { batch } from './batch.ts';
import { bill } from './bill.ts';
import { sign } from './sign.ts';
import { certs } from './certs.ts';
import { crypt } from './crypt.ts';
import { doctor } from './doctor.ts';
import { callback } from './callback.ts';
import { autopsy } from './autopsy.ts';
import { v2 } from './v2.ts';
import { api } from './api.ts';
import { callbacks } from './callbacks.ts';
import { emulator } from './emulator.ts';
import { demo } from './demo.ts';
import { output } from './output.ts';
import { topics } from './topics.ts';

/** Every English text, by key. */
export const en = {
  ...errors,
  ...cli,
  ...profile,
  ...order,
  ...refund,
  ...transfer,
  ...batch,
  ...bill,
  ...sign,
  ...certs,
  ...crypt,
  ...doctor,
  ...callback,
  ...autopsy,
  ...v2,
  ...api,
  ...callbacks,
  ...emulator,
  ...demo,
  ...output,
  ...topics,
} as const;
