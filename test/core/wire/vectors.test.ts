import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decryptAesGcm, encryptAesGcm } from '../../../src/core/crypto/aes-gcm.ts';
import { describeCertificate, isIssuedBy, tenpayRootCa } from '../../../src/core/crypto/certificate.ts';
import { loadCertificate, loadPrivateKey, loadPublicKey } from '../../../src/core/crypto/key-files.ts';
import { decryptOaep, encryptOaep, verifySha256 } from '../../../src/core/crypto/rsa.ts';
import type { Signer, VerificationKey } from '../../../src/core/ports.ts';
import { createSigner } from '../../../src/core/wire/authorization.ts';
import { decryptCertificates, decryptResource, parseEnvelope } from '../../../src/core/wire/envelope.ts';
import { payMessage, requestMessage } from '../../../src/core/wire/message.ts';
import { checkPayParameters, clientPayParameters } from '../../../src/core/wire/pay.ts';
import { verifyMessage } from '../../../src/core/wire/verify.ts';

interface Vector {
  readonly id: string;
  readonly kind: string;
  readonly status: 'published' | 'derived';
  readonly [name: string]: unknown;
}

const folder = new URL('../../vectors/', import.meta.url);
const file = (name: string): Buffer => readFileSync(new URL(name, folder));
const { vectors } = JSON.parse(file('vectors.json').toString('utf8')) as { vectors: readonly Vector[] };
const ofKind = (kind: string): readonly Vector[] => vectors.filter((vector) => vector.kind === kind);
const byId = (id: string): Vector => {
  const found = vectors.find((vector) => vector.id === id);
  if (found === undefined) throw new Error(`no vector ${id}`);
  return found;
};
const text = (vector: Vector, name: string): string => {
  const value = vector[name];
  if (typeof value !== 'string') throw new Error(`${vector.id} has no ${name}`);
  return value;
};
const signerOf = (vector: Vector): Signer =>
  createSigner({
    mchid: '1900007291',
    serialNo: '408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB',
    privateKey: loadPrivateKey(file(text(vector, 'key')), text(vector, 'key')),
  });
const headersOf = (vector: Vector): Record<string, readonly string[]> =>
  Object.fromEntries(
    Object.entries(vector['headers'] as Record<string, string>).map(([name, value]) => [name.toLowerCase(), [value]]),
  );
const bodyOf = (vector: Vector): Buffer =>
  typeof vector['body'] === 'string' ? Buffer.from(vector['body']) : file(text(vector, 'body_file'));
const keyOf = (vector: Vector): VerificationKey => {
  const { publicKey } =
    vector['public_key'] === undefined
      ? loadCertificate(file(text(vector, 'certificate')), vector.id)
      : { publicKey: loadPublicKey(file(text(vector, 'public_key')), vector.id) };
  return { id: headersOf(vector)['wechatpay-serial']?.[0] ?? '', kind: 'wechatpay-public-key', publicKey };
};
const verify = (vector: Vector, body = bodyOf(vector)): Promise<{ serial: string }> => {
  const headers = headersOf(vector);
  const key = keyOf(vector);
  return verifyMessage(
    { headers, body },
    {
      find: async (serial) => (serial === key.id ? key : undefined),
      now: Number(headers['wechatpay-timestamp']?.[0]) * 1000,
    },
  );
};

/** APIv2 comes with a later issue; these vectors are here for it. */
const notYetCovered = ['v2-md5', 'v2-hmac-sha256', 'v2-aes-ecb-block', 'derived-v2-req-info'];

test('every published or derived vector is either run below or named as not yet covered', () => {
  const run = ['rsa-sign', 'rsa-verify', 'rsa-oaep-sha1-decrypt', 'aes-256-gcm', 'certificates-response', 'callback'];
  expect(vectors.filter(({ kind }) => !run.includes(kind)).map(({ id }) => id)).toEqual(notYetCovered);
  expect(vectors).toHaveLength(20);
  expect(vectors.filter(({ status }) => status === 'published')).toHaveLength(15);
});

describe('signing', () => {
  test.each(ofKind('rsa-sign'))('$id ($status): the same bytes', (vector) => {
    const message = Buffer.from(text(vector, 'message'));
    expect(signerOf(vector).sign(message)).toBe(text(vector, 'expected_base64'));
  });

  test.each(ofKind('rsa-sign').filter(({ message }) => /^(?:GET|POST)\n/.test(String(message))))(
    '$id: its message is rebuilt from method, target, timestamp, nonce and body',
    (vector) => {
      const lines = text(vector, 'message').split('\n');
      const [method = '', target = '', timestamp = '', nonce = '', ...rest] = lines;
      expect(rest.at(-1)).toBe('');
      const body = Buffer.from(rest.slice(0, -1).join('\n'));
      expect(requestMessage({ method, target, timestamp, nonce, body }).toString()).toBe(text(vector, 'message'));
    },
  );

  test('the body file of doc-post-body is the body of its message', () => {
    const message = requestMessage({
      method: 'POST',
      target: '/v3/pay/transactions/jsapi',
      timestamp: '1554208460',
      nonce: '593BEC0C930BF1AFEB40B4A08C8FB242',
      body: file('doc_jsapi_order.body.json'),
    });
    expect(message.toString()).toBe(text(byId('doc-post-body'), 'message'));
  });

  test.each([
    { id: 'doc-paysign-jsapi', client: 'jsapi', field: 'paySign' },
    { id: 'doc-paysign-jsapi', client: 'mini', field: 'paySign' },
    { id: 'doc-paysign-app', client: 'app', field: 'sign' },
  ] as const)('$id: pay parameters for $client carry the published signature', ({ id, client, field }) => {
    const vector = byId(id);
    const signer = signerOf(vector);
    const input = {
      appid: 'wx2421b1c4370ec43b',
      partnerid: '1900007291',
      prepayId: 'wx201410272009395522657a690389285100',
      timestamp: '1554208460',
      nonce: '593BEC0C930BF1AFEB40B4A08C8FB242',
      signer,
    };
    const parameters = clientPayParameters(client, input);
    expect(parameters[field]).toBe(text(vector, 'expected_base64'));
    const last = client === 'app' ? input.prepayId : `prepay_id=${input.prepayId}`;
    expect(payMessage(input.appid, input.timestamp, input.nonce, last).toString()).toBe(text(vector, 'message'));
    const key = loadPrivateKey(file(text(vector, 'key')), 'key');
    expect(checkPayParameters(client, parameters, { key, appid: input.appid })).toEqual([]);
  });
});

describe('verification', () => {
  test.each(ofKind('rsa-verify'))('$id ($status): verifies over the raw headers and bytes', async (vector) => {
    await expect(verify(vector)).resolves.toEqual({ serial: keyOf(vector).id });
  });

  test.each([...ofKind('rsa-verify'), ...ofKind('callback')])('$id: no bit of the body can change', async (vector) => {
    const body = Buffer.from(bodyOf(vector));
    body[body.length >> 1]! ^= 1;
    await expect(verify(vector, body)).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
    await expect(verify(vector, body.subarray(1))).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
  });
});

test.each(ofKind('callback'))('$id ($status): a callback verifies and decrypts', async (vector) => {
  expect(await verify(vector)).toEqual({ serial: keyOf(vector).id });
  const { resource } = parseEnvelope(bodyOf(vector));
  const key = Buffer.from(text(vector, 'apiv3_key'));
  if (vector['cipher'] === 'aes-256-gcm') {
    expect(decryptResource(resource, key).toString()).toBe(text(vector, 'expected_plaintext'));
  } else {
    // Go's own test uses a key of 16 bytes, with which this is not the algorithm that the envelope names.
    expect(() => decryptResource(resource, key)).toThrow(expect.objectContaining({ code: 'API_V3_KEY_LENGTH' }));
  }
});

test.each(ofKind('rsa-oaep-sha1-decrypt'))('$id: decrypts, and what we encrypt decrypts too', (vector) => {
  const key = loadPrivateKey(file(text(vector, 'key')), 'key');
  expect(decryptOaep(key, text(vector, 'ciphertext_base64'))).toBe(text(vector, 'expected'));
  const { publicKey } = loadCertificate(file('keys/java_merchant.cert.pem'), 'certificate');
  expect(decryptOaep(key, encryptOaep(publicKey, '张三'))).toBe('张三');
});

test.each(ofKind('aes-256-gcm'))('$id: decrypts, and encrypting gives the same bytes', (vector) => {
  const sealed = {
    key: Buffer.from(text(vector, 'apiv3_key')),
    nonce: text(vector, 'nonce'),
    associatedData: text(vector, 'associated_data'),
  };
  const ciphertext = text(vector, 'ciphertext_base64');
  expect(decryptAesGcm({ ...sealed, ciphertext }).toString()).toBe(text(vector, 'expected'));
  expect(encryptAesGcm({ ...sealed, plaintext: text(vector, 'expected') })).toBe(ciphertext);
});

test.each(ofKind('certificates-response'))('$id: decrypts to a certificate that Tenpay issued', (vector) => {
  const [first, ...others] = decryptCertificates(bodyOf(vector), Buffer.from(text(vector, 'apiv3_key')));
  expect(others).toEqual([]);
  expect(first?.serial_no).toBe(text(vector, 'expected_serial'));
  const normal = (pem: string): string => pem.replaceAll('\r', '').trim();
  expect(normal(first?.certificate ?? '')).toBe(normal(file(text(vector, 'expected_pem')).toString()));
  const certificate = loadCertificate(Buffer.from(first?.certificate ?? ''), 'downloaded');
  const root = loadCertificate(file(text(vector, 'chain')), 'root');
  expect(root.raw.equals(new X509Certificate(tenpayRootCa).raw)).toBe(true);
  expect(isIssuedBy(certificate, root)).toBe(true);
  expect(describeCertificate(certificate)).toMatchObject({
    serial_no: text(vector, 'expected_serial'),
    common_name: 'Tenpay.com sign',
  });
});

test.each(['platform_39FACCC1', 'platform_699AE9A3'])(
  'C8: %s looks like a platform certificate, and Tenpay.com Root CA did not issue it',
  (name) => {
    const certificate = loadCertificate(file(`keys/${name}.cert.pem`), name);
    expect(describeCertificate(certificate).common_name).toBe('Tenpay.com sign');
    expect(isIssuedBy(certificate, new X509Certificate(tenpayRootCa))).toBe(false);
  },
);

test('a merchant signature verifies with the certificate that belongs to the key', () => {
  const vector = byId('java-sign-message');
  const { publicKey } = loadCertificate(file('keys/java_merchant.cert.pem'), 'certificate');
  const signature = text(vector, 'expected_base64');
  expect(verifySha256(publicKey, Buffer.from('message'), signature)).toBe('valid');
  expect(verifySha256(publicKey, Buffer.from('messagf'), signature)).toBe('wrong');
});
