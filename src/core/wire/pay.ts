/** Client pay parameters (protocol 7): made, and checked when somebody else made them. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { verifySha256 } from '../crypto/rsa.ts';
import type { Signer } from '../ports.ts';
import { payMessage } from './message.ts';

/** `mini` is the mini-program: like jsapi, but `appId` is signed without being handed over. */
export type PayClient = 'jsapi' | 'mini' | 'app';

export const payClients: readonly PayClient[] = ['jsapi', 'mini', 'app'];

export interface PayInput {
  /** The appid used when ordering (the sub_appid in service-provider mode, if one was given). */
  readonly appid: string;
  /** APP only: the merchant number. */
  readonly partnerid: string;
  /** Bare, without `prepay_id=`. Valid for 2 hours. */
  readonly prepayId: string;
  /** Unix seconds. */
  readonly timestamp: string;
  /** At most 32 characters. */
  readonly nonce: string;
  readonly signer: Signer;
}

/**
 * Makes the parameters that the client hands to WeChat, all of them strings. The JSAPI line carries `prepay_id=`, the APP line
 * does not, and `Sign=WXPay` is never signed (protocol 7).
 */
export function clientPayParameters(client: PayClient, input: PayInput): Readonly<Record<string, string>> {
  const { appid, partnerid, prepayId, timestamp, nonce, signer } = input;
  const sign = signer.sign(payMessage(appid, timestamp, nonce, prepayLine(client, prepayId)));
  if (client === 'app')
    return { appid, partnerid, prepayid: prepayId, package: 'Sign=WXPay', noncestr: nonce, timestamp, sign };
  const parameters = {
    timeStamp: timestamp,
    nonceStr: nonce,
    package: prepayLine(client, prepayId),
    signType: 'RSA',
    paySign: sign,
  };
  return client === 'jsapi' ? { appId: appid, ...parameters } : parameters;
}

/** The fourth line of the signed message. */
export function prepayLine(client: PayClient, prepayId: string): string {
  return client === 'app' ? prepayId : `prepay_id=${prepayId}`;
}

/** One fault, at the field that has to change. `reason` is a message key below `reason.`. */
export interface PayFault {
  readonly field: string;
  readonly reason: string;
  readonly params: Readonly<Record<string, string | number>>;
}

export interface PayContext {
  /** The merchant's private or public key. */
  readonly key: KeyObject;
  /** The appid used when ordering, where it is known for certain; needed for `mini`, where it is not handed over. */
  readonly appid?: string;
  /** Other appids of the merchant, tried when the signature does not hold. */
  readonly otherAppids?: readonly string[];
  /** Merchant numbers that may stand in `partnerid`. */
  readonly mchids?: readonly string[];
}

/** The names in the order in which the documentation has them. */
const namesOf: Readonly<Record<PayClient, readonly string[]>> = {
  jsapi: ['appId', 'timeStamp', 'nonceStr', 'package', 'signType', 'paySign'],
  mini: ['timeStamp', 'nonceStr', 'package', 'signType', 'paySign'],
  app: ['appid', 'partnerid', 'prepayid', 'package', 'noncestr', 'timestamp', 'sign'],
};

/** Which client the parameters are for, by the names that only one of them has. */
export function detectPayClient(given: Readonly<Record<string, unknown>>): PayClient {
  const names = new Set(Object.keys(given).map(plain));
  if (names.has('prepayid') || names.has('partnerid')) return 'app';
  return names.has('appid') ? 'jsapi' : 'mini';
}

/**
 * Checks pay parameters that somebody else made: every name, type and form, and the signature over the values as they are.
 * Where the signature does not hold, the known mix-ups are tried, and the one under which it does hold is named.
 *
 * @returns every fault; empty when the client can use them
 */
export function checkPayParameters(
  client: PayClient,
  given: Readonly<Record<string, unknown>>,
  context: PayContext,
): readonly PayFault[] {
  const faults: PayFault[] = [];
  const texts = new Map<string, string>();
  for (const name of namesOf[client]) texts.set(name, readField(name, client, given, faults));
  const [appidName, timestampName, nonceName, signName] =
    client === 'app'
      ? (['appid', 'timestamp', 'noncestr', 'sign'] as const)
      : (['appId', 'timeStamp', 'nonceStr', 'paySign'] as const);
  const text = (name: string): string => texts.get(name) ?? '';
  const add = (field: string, reason: string, params: PayFault['params'] = {}): void => {
    // One complaint per field is enough; a missing field has no form either.
    if (text(field) !== '') faults.push({ field, reason, params });
  };

  const timestamp = text(timestampName).trim();
  if (/^\d{13}$/.test(timestamp)) add(timestampName, 'pay_milliseconds');
  else if (!/^\d{10}$/.test(timestamp)) add(timestampName, 'pay_seconds');
  const { length } = text(nonceName);
  if (length > 32) add(nonceName, 'too_long', { length, max: 32 });
  if (client === 'app') {
    if (text('prepayid').startsWith('prepay_id=')) add('prepayid', 'pay_prefix_app');
    if (text('package') !== 'Sign=WXPay') add('package', 'pay_package_app');
    if (context.mchids !== undefined && !context.mchids.includes(text('partnerid')))
      add('partnerid', 'pay_partnerid', { wanted: context.mchids.join(', ') });
  } else {
    if (!text('package').startsWith('prepay_id=')) add('package', 'pay_prefix_jsapi');
    if (text('signType') !== '' && text('signType') !== 'RSA')
      add('signType', 'pay_sign_type', { found: text('signType').slice(0, 32) });
  }
  const { appid } = context;
  const handedOver = client === 'mini' ? undefined : text(appidName);
  if (handedOver !== undefined && appid !== undefined && handedOver !== appid)
    add(appidName, 'pay_appid', { wanted: appid });

  const prepay = client === 'app' ? text('prepayid') : text('package');
  const parts = {
    appid: handedOver ?? appid ?? stringOf(given['appId']),
    timestamp: text(timestampName),
    nonce: text(nonceName),
    prepayId: prepay.trim().replace(/^(?:prepay_id=)+/, ''),
    raw: prepay,
  };
  const names = {
    appid: client === 'mini' ? 'paySign' : appidName,
    timestamp: timestampName,
    nonce: nonceName,
    prepay: client === 'app' ? 'prepayid' : 'package',
    sign: signName,
  };
  if (text(signName) !== '') faults.push(...signatureFaults(client, parts, text(signName), names, context));
  return faults;
}

/** The value of a field under its own or a similar name, as text; what is wrong with name and type goes to `faults`. */
function readField(
  name: string,
  client: PayClient,
  given: Readonly<Record<string, unknown>>,
  faults: PayFault[],
): string {
  const add = (field: string, reason: string, params: PayFault['params'] = {}): void => {
    faults.push({ field, reason, params });
  };
  let found = Object.hasOwn(given, name) ? name : undefined;
  // The Android and HarmonyOS SDKs call it packageValue.
  if (found === undefined && client === 'app' && name === 'package' && Object.hasOwn(given, 'packageValue'))
    found = 'packageValue';
  if (found === undefined) {
    found = Object.keys(given).find((candidate) => plain(candidate) === plain(name));
    if (found === undefined) {
      add(name, 'missing');
      return '';
    }
    add(found, 'pay_name', { wanted: name });
  }
  const value = given[found];
  if (typeof value !== 'string') add(name, 'not_string');
  const read = stringOf(value);
  if (read !== read.trim() || /[\r\n]/.test(read)) add(name, 'pay_space');
  else if (read === '') add(name, 'pay_empty');
  return read;
}

interface Parts {
  readonly appid: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly prepayId: string;
  /** `package` or `prepayid` as handed over. */
  readonly raw: string;
}

/** Another reading of one part of the signed message, and what it would mean. */
interface Variant {
  readonly value: string;
  /** `undefined` for the right reading. */
  readonly fault: PayFault | undefined;
}

function signatureFaults(
  client: PayClient,
  parts: Parts,
  signature: string,
  names: Readonly<Record<'appid' | 'timestamp' | 'nonce' | 'prepay' | 'sign', string>>,
  context: PayContext,
): readonly PayFault[] {
  const publicKey = context.key.type === 'private' ? createPublicKey(context.key) : context.key;
  const fault = (field: string, reason: string, params: PayFault['params'] = {}): PayFault => ({
    field,
    reason,
    params,
  });
  if (/^[0-9A-Fa-f]{32}$|^[0-9A-Fa-f]{64}$/.test(signature)) return [fault(names.sign, 'pay_signed_v2')];

  const variants = (right: string, ...others: readonly (readonly [string, PayFault])[]): readonly Variant[] => [
    { value: right, fault: undefined },
    ...others.filter(([value]) => value !== right).map(([value, reason]) => ({ value, fault: reason })),
  ];
  const { appid, timestamp, nonce, prepayId, raw } = parts;
  const right = prepayLine(client, prepayId);
  const readings = [
    variants(
      appid,
      [appid.trim(), fault(names.appid, 'pay_signed_trimmed')],
      ...[context.appid, ...(context.otherAppids ?? [])]
        .filter((other) => other !== undefined)
        .map((other) => [other, fault(names.appid, 'pay_signed_other_appid', { signed: other })] as const),
    ),
    variants(
      timestamp,
      [timestamp.trim(), fault(names.timestamp, 'pay_signed_trimmed')],
      [`${timestamp}000`, fault(names.timestamp, 'pay_signed_milliseconds')],
      [timestamp.slice(0, 10), fault(names.timestamp, 'pay_signed_seconds')],
    ),
    variants(
      nonce,
      [nonce.trim(), fault(names.nonce, 'pay_signed_trimmed')],
      [nonce.toUpperCase(), fault(names.nonce, 'pay_signed_case')],
      [nonce.toLowerCase(), fault(names.nonce, 'pay_signed_case')],
    ),
    variants(
      right,
      [prepayId, fault(names.prepay, 'pay_signed_bare')],
      [`prepay_id=${prepayId}`, fault(names.prepay, 'pay_signed_prefix')],
      ['Sign=WXPay', fault(names.prepay, 'pay_signed_package')],
      [raw, fault(names.prepay, 'pay_signed_raw')],
    ),
  ] as const;
  const endings: readonly { readonly write: (lines: readonly string[]) => string; readonly fault?: PayFault }[] = [
    { write: (lines) => `${lines.join('\n')}\n` },
    { write: (lines) => lines.join('\n'), fault: fault(names.sign, 'pay_signed_no_final_lf') },
    { write: (lines) => `${lines.join('\r\n')}\r\n`, fault: fault(names.sign, 'pay_signed_crlf') },
    {
      write: (lines) => lines.map((line) => `${line}\\n`).join(''),
      fault: fault(names.sign, 'pay_signed_backslash_n'),
    },
  ];
  const spellings = spellingsOf(signature).map(({ value, reason }) => ({
    value,
    fault: reason === undefined ? undefined : fault(names.sign, reason),
  }));
  if (spellings.length === 0) return [fault(names.sign, 'no_base64')];

  const attempts = cartesian(readings).flatMap((lines) =>
    endings.map((ending) => ({
      message: Buffer.from(ending.write(lines.map(({ value }) => value))),
      faults: [...lines.map((line) => line.fault), ending.fault].filter((found) => found !== undefined),
    })),
  );
  // The explanation with the fewest mistakes is the likeliest one.
  attempts.sort((a, b) => a.faults.length - b.faults.length);
  for (const { message, faults } of attempts)
    for (const spelling of spellings)
      if (verifySha256(publicKey, message, spelling.value) === 'valid')
        return spelling.fault === undefined ? faults : [...faults, spelling.fault];
  return [fault(names.sign, 'pay_signature')];
}

/** The signature as it is, or mended from what transport and people do to base64. */
function spellingsOf(signature: string): readonly { readonly value: string; readonly reason?: string }[] {
  const strict = /^[A-Za-z0-9+/]+={0,2}$/;
  if (strict.test(signature)) return [{ value: signature }];
  const mended: readonly { readonly value: string; readonly reason: string }[] = [
    { value: signature.trim().replaceAll(/[\r\n]/g, ''), reason: 'pay_space' },
    { value: signature.replaceAll(' ', '+'), reason: 'pay_plus' },
    { value: padded(signature.replaceAll('-', '+').replaceAll('_', '/')), reason: 'pay_base64url' },
    {
      value: signature.replaceAll(/%2B/gi, '+').replaceAll(/%2F/gi, '/').replaceAll(/%3D/gi, '='),
      reason: 'pay_percent',
    },
  ];
  return mended.filter(({ value }) => strict.test(value));
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

function cartesian(lists: readonly (readonly Variant[])[]): readonly (readonly Variant[])[] {
  return lists.reduce<readonly (readonly Variant[])[]>(
    (rows, list) => rows.flatMap((row) => list.map((item) => [...row, item])),
    [[]],
  );
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function plain(name: string): string {
  return name.replaceAll(/[_-]/g, '').toLowerCase();
}
