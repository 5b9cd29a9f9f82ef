/** What `wxpay callback trigger` makes, judged by the verification of two independent clients: as it is, and broken. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCallbackKeys, type CallbackKeys } from '../../src/emulator/callback-keys.ts';
import { eventTypes, makeEvent } from '../../src/operations/callback/events.ts';
import { makeMessage, type Damage, type Message } from '../../src/operations/callback/send.ts';
import { axiosPlugin, makeNodeV3Http, nodeV3, type NodeV3Client } from './clients.ts';
import { makeHome, openStage, readCredentials, type Credentials, type Stage } from './stage.ts';

const { Rsa, Aes, Formatter } = axiosPlugin();
const Pay = nodeV3();

let home: string;
let stage: Stage;
let credentials: Credentials;
let keys: CallbackKeys;
let client: NodeV3Client;

beforeAll(async () => {
  home = await makeHome();
  stage = await openStage('certificate', home);
  credentials = readCredentials(stage.info);
  keys = await readCallbackKeys(home, {
    mchid: undefined,
    by: undefined,
    running: stage.info,
    now: Date.now(),
    randomBytes,
  });
  client = makeNodeV3();
});
afterAll(async () => {
  await stage.close();
  await rm(home, { recursive: true, force: true });
});

/** The client as it is; the host that it hard-codes leads to the emulator, where it fetches certificates. */
function makeNodeV3(): NodeV3Client {
  const { appid, mchid, serialNo, certificate, privateKey, apiV3Key } = credentials;
  const pay = new Pay({
    appid,
    mchid,
    serial_no: serialNo,
    publicKey: Buffer.from(certificate),
    privateKey: Buffer.from(privateKey),
    key: apiV3Key,
  });
  const own = makeNodeV3Http();
  const here = (url: string): string => url.replace('https://api.mch.weixin.qq.com', stage.wire.url);
  pay.createHttp({
    get: async (url, headers) => own.get(here(url), headers),
    post: async (url, body, headers) => own.post(here(url), body, headers),
    upload: async (url, body, headers) => own.upload(here(url), body, headers),
  });
  return pay;
}

function make(type: string, damage?: Damage): Message {
  const now = Date.now();
  const story = {
    mchid: keys.merchant.mchid,
    appid: keys.merchant.appids[0]!,
    subMchid: '1900000109',
    now,
    randomBytes,
  };
  return makeMessage(
    makeEvent(type, undefined, story),
    { id: 'EV-1', create_time: '2026-11-24T10:00:00+08:00' },
    {
      key: keys.key,
      foreignKey: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
      apiV3Key: Buffer.from(keys.merchant.apiV3Key),
      now,
      randomBytes,
    },
    damage,
  );
}

const header = ({ headers }: Message, name: string): string =>
  headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1] ?? '';

interface Verdict {
  readonly trusted: boolean;
  readonly opened: boolean;
}

/** The plugin's parts, as its documentation puts them together. */
function judgeByPlugin(message: Message): Verdict {
  const body = message.body.toString('utf8');
  const key = credentials.platformKeys[header(message, 'wechatpay-serial')];
  const text = Formatter.response(header(message, 'wechatpay-timestamp'), header(message, 'wechatpay-nonce'), body);
  const fresh = Math.abs(Formatter.timestamp() - Number(header(message, 'wechatpay-timestamp'))) <= 300;
  return {
    trusted: fresh && key !== undefined && Rsa.verify(text, header(message, 'wechatpay-signature'), key),
    opened: opens(body, ({ ciphertext, nonce, associated_data }) =>
      Aes.AesGcm.decrypt(ciphertext ?? '', credentials.apiV3Key, nonce ?? '', associated_data),
    ),
  };
}

async function judgeByNodeV3(message: Message): Promise<Verdict> {
  const body = message.body.toString('utf8');
  const trusted = await client
    .verifySign({
      timestamp: header(message, 'wechatpay-timestamp'),
      nonce: header(message, 'wechatpay-nonce'),
      body,
      serial: header(message, 'wechatpay-serial'),
      signature: header(message, 'wechatpay-signature'),
      apiSecret: credentials.apiV3Key,
    })
    // A serial that it does not know ends its download.
    .catch(() => false);
  return {
    trusted,
    opened: opens(body, ({ ciphertext, nonce, associated_data }) =>
      client.decipher_gcm(ciphertext ?? '', associated_data ?? '', nonce ?? '', credentials.apiV3Key),
    ),
  };
}

function opens(body: string, open: (resource: Record<string, string>) => unknown): boolean {
  try {
    const { resource } = JSON.parse(body) as { resource: Record<string, string> };
    open(resource);
    return true;
  } catch {
    return false;
  }
}

test.each(eventTypes)('both accept %s', async (type) => {
  const message = make(type);
  expect(judgeByPlugin(message)).toEqual({ trusted: true, opened: true });
  expect(await judgeByNodeV3(message)).toEqual({ trusted: true, opened: true });
});

describe('what is broken is refused:', () => {
  test.each([
    'body',
    'body-text',
    'body-cut',
    'body-empty',
    'signature',
    'signature-form',
    'signature-empty',
    'probe',
    'timestamp',
    'nonce',
    'serial',
    'key',
    'missing-timestamp',
    'missing-nonce',
    'missing-serial',
    'missing-signature',
    'missing-all',
  ] satisfies Damage[])('%s', async (damage) => {
    const message = make('TRANSACTION.SUCCESS', damage);
    expect(judgeByPlugin(message).trusted).toBe(false);
    expect((await judgeByNodeV3(message)).trusted).toBe(false);
  });

  test.each(['ciphertext', 'api-v3-key', 'associated-data', 'json'] satisfies Damage[])(
    '%s, which is signed as it should be, is opened by no one who looks at the tag',
    async (damage) => {
      const message = make('TRANSACTION.SUCCESS', damage);
      expect(judgeByPlugin(message)).toEqual({ trusted: true, opened: false });
      // wechatpay-node-v3 does NOT look at it: it deciphers without `final`.
      expect(await judgeByNodeV3(message)).toEqual({ trusted: true, opened: damage !== 'json' });
    },
  );

  test.each(['stale', 'future'] satisfies Damage[])('%s, by whoever looks at the time', (damage) => {
    expect(judgeByPlugin(make('TRANSACTION.SUCCESS', damage)).trusted).toBe(false);
  });
});
