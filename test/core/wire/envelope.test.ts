import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encryptAesGcm } from '../../../src/core/crypto/aes-gcm.ts';
import { WxpayError } from '../../../src/core/errors.ts';
import { decryptCertificates, decryptResource, parseEnvelope, readResource } from '../../../src/core/wire/envelope.ts';

const vectors = new URL('../../vectors/', import.meta.url);
const key = Buffer.from('a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb');
const plaintext = '{"out_trade_no":"T1","attach":"中文"}';

interface Resource {
  readonly algorithm: string;
  readonly ciphertext: string;
  readonly nonce: string;
  readonly associated_data?: string;
  readonly original_type?: string;
}

function seal(associatedData: string | undefined, text = plaintext, nonce = 'uluk4a9R25RW'): Resource {
  return {
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext: encryptAesGcm({ key, nonce, associatedData, plaintext: text }),
    nonce,
    ...(associatedData === undefined ? {} : { associated_data: associatedData }),
  };
}

function errorOf(work: () => unknown): { code: string; params: WxpayError['params'] } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    return { code: error.code, params: error.params };
  }
}

const envelope = {
  id: 'EV-2018022511223320873',
  create_time: '2015-05-20T13:29:35+08:00',
  resource_type: 'encrypt-resource',
  event_type: 'TRANSACTION.SUCCESS',
  summary: '支付成功',
  resource: { original_type: 'transaction', ...seal('transaction') },
};

const parse = (value: unknown): unknown => parseEnvelope(Buffer.from(JSON.stringify(value)));

describe('a resource on its own', () => {
  test('is read as it is', () => {
    const resource = seal('transaction');
    expect(readResource(resource)).toBe(resource);
    expect(decryptResource(readResource(resource), key).toString()).toBe(plaintext);
  });

  test.each([
    ['resource', null],
    ['resource', []],
    ['resource', 'text'],
    ['resource.algorithm', {}],
    ['resource.ciphertext', { algorithm: 'a', nonce: 'n' }],
    ['resource.nonce', { algorithm: 'a', ciphertext: 'c', nonce: 7 }],
    ['resource.associated_data', { algorithm: 'a', ciphertext: 'c', nonce: 'n', associated_data: null }],
    ['resource.original_type', { algorithm: 'a', ciphertext: 'c', nonce: 'n', original_type: 1 }],
  ])('is refused naming %s: %j', (member, value) => {
    expect(errorOf(() => readResource(value))).toEqual({
      code: 'CALLBACK_MALFORMED',
      params: { member, reason: 'key:reason.envelope_member' },
    });
  });
});

describe('an entry of the certificate list', () => {
  const entry = {
    serial_no: '5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC',
    effective_time: '2023-09-19T23:15:58+08:00',
    expire_time: '2028-09-17T23:15:58+08:00',
    encrypt_certificate: seal('certificate'),
  };
  const refusal = (list: unknown) => errorOf(() => decryptCertificates(Buffer.from(JSON.stringify(list)), key))?.params;
  test.each([
    ['data', {}],
    ['data', { data: {} }],
    ['data', []],
    ['data[0]', { data: [null] }],
  ])('is refused naming %s', (member, list) => {
    expect(refusal(list)).toEqual({ member, reason: 'key:reason.list_member' });
  });

  test.each([
    ['serial_no', { serial_no: '1234567' }],
    ['serial_no', { serial_no: 'A'.repeat(41) }],
    ['serial_no', { serial_no: 'G'.repeat(40) }],
    ['serial_no', { serial_no: 7 }],
    ['effective_time', { effective_time: '' }],
    ['effective_time', { effective_time: 7 }],
    ['expire_time', { expire_time: undefined }],
    ['encrypt_certificate', { encrypt_certificate: 'x' }],
    ['encrypt_certificate.nonce', { encrypt_certificate: { ...seal('certificate'), nonce: '' } }],
  ])('is refused naming %s: %j', (member, change) => {
    expect(refusal({ data: [{ ...entry, ...change }] })).toEqual({
      member: `data[0].${member}`,
      reason: 'key:reason.list_member',
    });
  });
});

describe('a callback envelope', () => {
  test('is read with everything in it', () => {
    expect(parse(envelope)).toEqual(envelope);
  });

  test('may name an event and members that nobody knows yet', () => {
    const unknown = { ...envelope, event_type: 'VEHICLE.NEW', more: { a: [1] } };
    expect(parse(unknown)).toEqual(unknown);
  });

  test('needs no create_time, resource_type, summary, original_type or associated_data', () => {
    const { id, event_type } = envelope;
    const least = { id, event_type, resource: seal(undefined) };
    expect(parse(least)).toEqual(least);
  });

  test.each([
    ['body', null],
    ['body', []],
    ['body', 'text'],
    ['id', { ...envelope, id: undefined }],
    ['id', { ...envelope, id: 7 }],
    ['id', { ...envelope, id: '' }],
    ['event_type', { ...envelope, event_type: null }],
    ['create_time', { ...envelope, create_time: 1 }],
    ['summary', { ...envelope, summary: {} }],
    ['resource', { ...envelope, resource: undefined }],
    ['resource', { ...envelope, resource: [] }],
    ['resource.algorithm', { ...envelope, resource: { ...envelope.resource, algorithm: undefined } }],
    ['resource.ciphertext', { ...envelope, resource: { ...envelope.resource, ciphertext: 1 } }],
    ['resource.nonce', { ...envelope, resource: { ...envelope.resource, nonce: '' } }],
    ['resource.associated_data', { ...envelope, resource: { ...envelope.resource, associated_data: null } }],
    ['resource.associated_data', { ...envelope, resource: { ...envelope.resource, associated_data: 0 } }],
    ['resource.original_type', { ...envelope, resource: { ...envelope.resource, original_type: [] } }],
  ])('is refused, naming %s', (member, value) => {
    expect(errorOf(() => parse(value))).toMatchObject({ code: 'CALLBACK_MALFORMED', params: { member } });
  });

  test.each(['', '<xml/>', '{"id":1', '{"id":"a","id":"b"}', '{"__proto__":{}}', '['.repeat(200_000)])(
    'is refused when its JSON is: %.20s',
    (text) => {
      const error = errorOf(() => parseEnvelope(Buffer.from(text)));
      expect(error).toMatchObject({ code: 'CALLBACK_MALFORMED' });
      expect(error?.params['reason']).toMatch(/^key:reason\.json_/);
    },
  );

  test('made of any bytes is read or refused, never a crash', () => {
    fc.assert(
      fc.property(fc.json({ depthSize: 'small' }), (text) => {
        const error = errorOf(() => parseEnvelope(Buffer.from(text)));
        if (error !== undefined) expect(error.code).toBe('CALLBACK_MALFORMED');
      }),
    );
  });
});

describe('C9: a resource decrypts only as it was encrypted', () => {
  test.each([undefined, '', 'transaction', 'certificate', '退款'])('with the associated data %j', (associatedData) => {
    expect(decryptResource(seal(associatedData), key).toString()).toBe(plaintext);
  });

  test('absent and empty associated data are the same, and not the text "null"', () => {
    const none = seal(undefined);
    expect(decryptResource({ ...none, associated_data: '' }, key).toString()).toBe(plaintext);
    expect(errorOf(() => decryptResource({ ...none, associated_data: 'null' }, key))?.code).toBe('DECRYPT_FAILED');
  });

  test.each([
    { what: 'changed associated data', change: { associated_data: 'Transaction' } },
    { what: 'associated data with a space', change: { associated_data: 'transaction ' } },
    { what: 'emptied associated data', change: { associated_data: '' } },
    { what: 'another nonce', change: { nonce: 'uluk4a9R25RX' } },
    { what: 'SM4', change: { algorithm: 'AEAD_SM4_GCM' } },
    { what: 'a lower-case algorithm', change: { algorithm: 'aead_aes_256_gcm' } },
    { what: 'no algorithm', change: { algorithm: '' } },
    { what: 'a ciphertext of half a block', change: { ciphertext: 'AAAA' } },
    { what: 'a ciphertext that is no base64', change: { ciphertext: '****' } },
    { what: 'an empty ciphertext', change: { ciphertext: '' } },
  ])('$what is refused', ({ change }) => {
    expect(errorOf(() => decryptResource({ ...seal('transaction'), ...change }, key))?.code).toBe('DECRYPT_FAILED');
  });

  test('a foreign algorithm is named, and cut', () => {
    const error = errorOf(() => decryptResource({ ...seal(''), algorithm: 'X'.repeat(1000) }, key));
    expect(error?.params).toMatchObject({ reason: 'key:reason.algorithm', algorithm: 'X'.repeat(64) });
  });

  test.each([0, 16, 24, 31, 33, 40, 64])('an APIv3 key of %d bytes is refused by its length', (length) => {
    const error = errorOf(() => decryptResource(seal(''), Buffer.alloc(length, 0x61)));
    expect(error).toEqual({ code: 'API_V3_KEY_LENGTH', params: { length } });
  });

  test('no bit of the ciphertext can change', () => {
    const sealed = seal('transaction');
    const bytes = Buffer.from(sealed.ciphertext, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const ciphertext = changed.toString('base64');
      expect(errorOf(() => decryptResource({ ...sealed, ciphertext }, key))?.code).toBe('DECRYPT_FAILED');
    }
  });
});

describe('C8: the list of platform certificates', () => {
  const published = JSON.parse(readFileSync(new URL('certificates_response.body.json', vectors), 'utf8')) as {
    data: [Record<string, unknown>];
  };
  const [entry] = published.data;
  const serial = '5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC';
  const decrypt = (value: unknown, apiV3Key: Uint8Array = key) =>
    decryptCertificates(Buffer.from(JSON.stringify(value)), apiV3Key);
  const pem = readFileSync(new URL('keys/platform_39FACCC1.cert.pem', vectors), 'utf8');
  const other = {
    serial_no: '39FACCC1' + '0'.repeat(32),
    effective_time: '2021-01-01T00:00:00+08:00',
    expire_time: '2026-01-01T00:00:00+08:00',
    encrypt_certificate: seal('certificate', pem),
  };

  test('gives each certificate with its serial and times', () => {
    expect(decrypt(published)).toMatchObject([{ serial_no: serial, effective_time: '2023-09-19T23:15:58+08:00' }]);
  });

  test('may have the stray spaces of the documentation in its names', () => {
    const { effective_time, expire_time, ...rest } = entry;
    const spaced = { data: [{ ...rest, 'effective_time ': effective_time, 'expire_time ': expire_time }] };
    expect(decrypt(spaced)).toMatchObject([{ serial_no: serial }]);
  });

  test('takes a serial in lower case', () => {
    expect(decrypt({ data: [{ ...entry, serial_no: serial.toLowerCase() }] })).toMatchObject([{ serial_no: serial }]);
  });

  test('may be empty: that says the merchant uses the public key', () => {
    expect(decrypt({ data: [] })).toEqual([]);
  });

  test('is refused when a serial is not the one of the certificate inside', () => {
    expect(errorOf(() => decrypt({ data: [other] }))).toMatchObject({
      code: 'CERTIFICATES_INVALID',
      params: { reason: 'key:reason.list_serial' },
    });
  });

  test('is refused as a whole for one entry that does not hold', () => {
    expect(errorOf(() => decrypt({ data: [entry, other] }))?.code).toBe('CERTIFICATES_INVALID');
    expect(errorOf(() => decrypt({ data: [entry, entry] }))?.params['reason']).toBe('key:reason.list_twice');
    const noCertificate = { ...entry, encrypt_certificate: seal('certificate', 'no certificate') };
    expect(errorOf(() => decrypt({ data: [noCertificate] }))?.params['reason']).toBe('key:reason.list_certificate');
  });

  test('does not decrypt under another APIv3 key', () => {
    expect(errorOf(() => decrypt(published, Buffer.alloc(32, 0x61)))?.code).toBe('DECRYPT_FAILED');
    expect(errorOf(() => decrypt(published, Buffer.alloc(31)))?.code).toBe('API_V3_KEY_LENGTH');
  });

  test.each([
    ['no data', {}],
    ['data that is no list', { data: {} }],
    ['an entry that is no object', { data: [null] }],
    ['a serial that is a path', { data: [{ ...entry, serial_no: '../../x' }] }],
    ['a serial that is a number', { data: [{ ...entry, serial_no: 5 }] }],
    ['no expire_time', { data: [{ ...entry, expire_time: undefined }] }],
    ['no certificate', { data: [{ ...entry, encrypt_certificate: undefined }] }],
    ['two names that differ in spaces only', { data: [{ ...entry, 'serial_no ': serial }] }],
    ['a name that trims to __proto__', { data: [{ ...entry, ' __proto__': {} }] }],
    ['null', null],
  ])('with %s is refused', (_, value) => {
    expect(errorOf(() => decrypt(value))?.code).toBe('CERTIFICATES_INVALID');
  });

  test('that is HTML is refused', () => {
    expect(errorOf(() => decryptCertificates(Buffer.from('<html>'), key))?.code).toBe('CERTIFICATES_INVALID');
  });
});
