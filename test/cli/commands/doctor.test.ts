/** Misconfigurations planted one by one: the doctor names each, and nothing else; of a sound setup it says nothing. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCertificateStore } from '../../../src/core/keys/store.ts';
import type { Clock } from '../../../src/core/ports.ts';
import { errorOf, type RunResult } from '../../helpers/cli.ts';
import { runInProcess, shiftedClock } from '../../helpers/in-process.ts';
import { realClock, startLocal, type Local } from '../../helpers/local.ts';
import { makeMerchantFiles, type MerchantFiles } from '../../helpers/merchant-files.ts';
import { platformCertificate } from '../../core/keys/platform.ts';

const day = 86_400_000;
let root: string;
let local: Local;
let keyOnly: Local;
/** Another merchant's package. */
let other: MerchantFiles;
let ending: MerchantFiles;
let nearlyOver: MerchantFiles;
let over: MerchantFiles;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'wxpay-doctor-'));
  [local, keyOnly] = await Promise.all([startLocal(), startLocal({ mode: 'public-key' })]);
  other = makeMerchantFiles(join(root, 'other'), { mchid: '1900000002' });
  ending = makeMerchantFiles(join(root, 'ending'), { notAfter: new Date(Date.now() + 20 * day) });
  nearlyOver = makeMerchantFiles(join(root, 'nearly'), { notAfter: new Date(Date.now() + 3 * day) });
  over = makeMerchantFiles(join(root, 'over'), { notAfter: new Date(Date.now() - day) });
});
afterAll(async () => {
  await Promise.all([local.close(), keyOnly.close()]);
  rmSync(root, { recursive: true, force: true });
});

interface Setup {
  readonly home: string;
  readonly env: Record<string, string>;
  /** Fields of the stored profile; `undefined` leaves one out. */
  readonly profile: Record<string, string | undefined>;
  readonly argv: string[];
  nodeVersion?: string;
  clock?: Clock;
  /** After the profile has been written. */
  finish?: () => void | Promise<void>;
}

const configOf = ({ home }: Setup): string => join(home, '.config', 'wxpay');
const profileFile = (setup: Setup): string => join(configOf(setup), 'profiles', 'shop.json');

/** A merchant of the emulator, stored as `profile add` stores it, with a private copy of its key. */
function soundSetup(of: Local = local): Setup {
  const home = mkdtempSync(join(root, 'home-'));
  const { info } = of;
  const key = join(home, 'apiclient_key.pem');
  copyFileSync(info.private_key_file, key);
  chmodSync(key, 0o600);
  return {
    home,
    env: { HOME: home, LANG: 'C.UTF-8', WXPAY_LANG: 'en', PATH: '/bin' },
    profile: {
      mchid: info.mchid,
      appid: info.appid,
      serial_no: info.serial_no,
      private_key: `file:${key}`,
      client_cert_file: info.certificate_file,
      api_v3_key: info.api_v3_key,
      base_url: info.url,
      ...(of === local
        ? {}
        : { public_key_id: info.public_key_id ?? '', public_key: `file:${info.public_key_file ?? ''}` }),
    },
    argv: ['doctor', '--json'],
  };
}

async function doctor(setup: Setup): Promise<RunResult> {
  const { home, env, profile, argv, nodeVersion, clock } = setup;
  const dir = join(home, '.config', 'wxpay', 'profiles');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const stored = Object.entries({ version: 1, ...profile }).filter(([, value]) => value !== undefined);
  if (profile['mchid'] !== 'no profile')
    writeFileSync(join(dir, 'shop.json'), JSON.stringify(Object.fromEntries(stored)), { mode: 0o600 });
  await setup.finish?.();
  return runInProcess(argv, {
    env,
    cwd: home,
    ...(nodeVersion === undefined ? {} : { nodeVersion }),
    ...(clock === undefined ? {} : { clock }),
  });
}

interface Found {
  readonly names: readonly string[];
  readonly fixes: readonly (string | null)[];
  readonly verdict: string;
  readonly code: number | undefined;
}

async function findings(setup: Setup): Promise<Found> {
  const result = await doctor(setup);
  const data = JSON.parse(result.stdout === '' ? 'null' : result.stdout) as {
    verdict: string;
    checks: { findings: { name: string; level: string; fix: string | null }[] }[];
  } | null;
  if (data === null) throw new Error(result.stderr);
  const all = data.checks.flatMap((check) => check.findings).filter(({ level }) => level !== 'info');
  return {
    names: all.map(({ name }) => name),
    fixes: all.map(({ fix }) => fix),
    verdict: data.verdict,
    code: result.code,
  };
}

const put = (setup: Setup, name: string, content: string | Buffer, mode = 0o600): string => {
  const file = join(setup.home, name);
  writeFileSync(file, content, { mode });
  chmodSync(file, mode);
  return file;
};
const pem = (bits: number): string =>
  generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey;
const withPublicKey = ({ profile }: Setup): void => {
  profile['public_key_id'] = local.info.public_key_id ?? '';
  profile['public_key'] = `file:${local.info.public_key_file ?? ''}`;
};
/** As another merchant: nothing is asked of the emulator. */
const foreign = ({ profile, argv }: Setup, files: MerchantFiles): void => {
  profile['mchid'] = files.mchid;
  profile['serial_no'] = files.serial;
  profile['private_key'] = `file:${files.keyFile}`;
  profile['client_cert_file'] = files.certificateFile;
  argv.push('--offline');
};
/** Puts a cache in place that this program itself could have written. */
const cache = (
  setup: Setup,
  certificate: { readonly serial: string; readonly pem: string; readonly notBefore: number; readonly notAfter: number },
  downloadedAt: number,
  origin = local.info.url,
): void => {
  setup.argv.push('--offline');
  setup.finish = () => {
    const store = createCertificateStore({
      dir: join(setup.home, '.cache', 'wxpay'),
      mchid: setup.profile['mchid'] ?? '',
      origin,
      apiV3Key: Buffer.from(local.info.api_v3_key),
      clock: realClock,
      platform: process.platform,
      pid: process.pid,
      uid: process.getuid?.(),
      isAlive: () => true,
      randomName: () => 'x',
    });
    const x509 = new X509Certificate(certificate.pem);
    store.save({
      downloadedAt,
      certificates: [
        {
          id: certificate.serial,
          kind: 'platform-certificate',
          publicKey: x509.publicKey,
          certificate: certificate.pem,
          effectiveAt: certificate.notBefore,
          expiresAt: certificate.notAfter,
        },
      ],
    });
  };
};
const certificateFor = (days: number): ReturnType<typeof platformCertificate> =>
  platformCertificate('5b'.repeat(20), Date.now() - 100 * day, Date.now() + days * day + 3_600_000);

interface Plant {
  readonly plant: (setup: Setup) => void;
  /** Exactly what is found. */
  readonly found: readonly string[];
  readonly exit: number;
}

const offline = (setup: Setup): void => void setup.argv.push('--offline');
/** Offline, with a public key at hand: nothing is missing then. */
const quiet = (setup: Setup): void => {
  withPublicKey(setup);
  offline(setup);
};
const fail = (code: string, exit = 3): Pick<Plant, 'found' | 'exit'> => ({ found: [code], exit });
const warn = (...found: string[]): Pick<Plant, 'found' | 'exit'> => ({ found, exit: 0 });

const plants: Readonly<Record<string, Plant>> = {
  'a Node.js without security fixes': { plant: (s) => (quiet(s), (s.nodeVersion = '20.20.2')), ...warn('node_ended') },
  'a Node.js that is nearly over': {
    plant: (s) => {
      quiet(s);
      s.nodeVersion = '22.11.0';
      s.clock = { ...realClock, now: () => Date.parse('2027-03-01') };
    },
    ...warn('node_ends_soon'),
  },
  'a Node.js that is too old': { plant: (s) => (quiet(s), (s.nodeVersion = '20.11.0')), ...fail('node_too_old') },
  'NODE_OPTIONS with reports': {
    plant: (s) => (quiet(s), (s.env['NODE_OPTIONS'] = '--report-on-fatalerror')),
    ...warn('node_options_report'),
  },
  'NODE_OPTIONS with a debugger': {
    plant: (s) => (quiet(s), (s.env['NODE_OPTIONS'] = '--max-old-space-size=99 --inspect=0.0.0.0:9229')),
    ...warn('node_options_inspect'),
  },
  'NODE_OPTIONS with a TLS key log': {
    plant: (s) => (quiet(s), (s.env['NODE_OPTIONS'] = '--tls-keylog=/tmp/keys')),
    ...warn('node_options_keylog'),
  },
  'NODE_OPTIONS with old TLS': {
    plant: (s) => (quiet(s), (s.env['NODE_OPTIONS'] = '--tls-min-v1.0')),
    ...warn('node_options_tls'),
  },
  'NODE_DEBUG that prints requests': {
    plant: (s) => (quiet(s), (s.env['NODE_DEBUG'] = 'module,http')),
    ...warn('node_debug'),
  },
  'TLS verification turned off': {
    plant: (s) => (quiet(s), (s.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0')),
    ...fail('ENVIRONMENT_UNSAFE'),
  },
  'NODE_EXTRA_CA_CERTS that leads nowhere': {
    plant: (s) => (quiet(s), (s.env['NODE_EXTRA_CA_CERTS'] = '/nowhere/ca.pem')),
    ...warn('extra_ca_missing'),
  },
  'a misspelt variable': {
    plant: (s) => (quiet(s), (s.env['WXPAY_APIV3_KEY'] = 'x')),
    ...warn('unknown_variable'),
  },
  'a locale of another character set': {
    plant: (s) => (quiet(s), (s.env['LC_ALL'] = 'zh_CN.GB18030')),
    ...warn('locale_not_utf8'),
  },
  'a configuration folder that others may write to': {
    plant: (s) => (quiet(s), (s.finish = () => chmodSync(configOf(s), 0o777))),
    ...warn('config_dir_open'),
  },
  'a profile that others may read': {
    plant: (s) => (quiet(s), (s.finish = () => chmodSync(profileFile(s), 0o644))),
    ...warn('profile_file_open'),
  },
  'a profile that is no JSON': {
    plant: (s) => (quiet(s), (s.finish = () => writeFileSync(profileFile(s), '{"version":1,'))),
    ...fail('PROFILE_FILE_BROKEN'),
  },
  'a profile that is a symbolic link': {
    plant: (s) => {
      quiet(s);
      s.finish = () => {
        copyFileSync(profileFile(s), join(s.home, 'elsewhere.json'));
        chmodSync(join(s.home, 'elsewhere.json'), 0o600);
        rmSync(profileFile(s));
        symlinkSync(join(s.home, 'elsewhere.json'), profileFile(s));
      };
    },
    ...fail('PROFILE_FILE_BROKEN'),
  },
  'a profile with an unknown field': {
    plant: (s) => (quiet(s), (s.profile['mch_id'] = '1')),
    ...fail('PROFILE_INVALID'),
  },
  'a profile of a newer program': {
    plant: (s) => (quiet(s), (s.finish = () => writeFileSync(profileFile(s), '{"version":9}'))),
    ...fail('PROFILE_FILE_NEWER'),
  },
  'the leftover of a broken profile': {
    plant: (s) => (quiet(s), (s.finish = () => writeFileSync(`${profileFile(s)}.broken-1`, '{', { mode: 0o600 }))),
    ...warn('profile_broken_copy'),
  },
  'a chosen profile that does not exist': {
    plant: (s) => (quiet(s), (s.env['WXPAY_PROFILE'] = 'nosuch')),
    ...fail('PROFILE_NOT_FOUND'),
  },
  'no profile at all': { plant: (s) => (offline(s), (s.profile['mchid'] = 'no profile')), ...fail('PROFILE_NONE') },
  'several profiles and none chosen': {
    plant: (s) => {
      quiet(s);
      s.finish = () => copyFileSync(profileFile(s), profileFile(s).replace('shop', 'two'));
    },
    ...fail('INPUT_MISSING', 2),
  },
  'a variable that overrides the profile': {
    plant: (s) => (quiet(s), (s.env['WXPAY_APPID'] = 'wx0000000000000000')),
    ...warn('environment_overrides'),
  },
  'a host that is not WeChat Pay': {
    plant: (s) => (quiet(s), (s.profile['base_url'] = 'https://api.mch.weixin.qq.com.example.com')),
    ...fail('HOST_NOT_ALLOWED', 2),
  },
  'a notify_url with a query': {
    plant: (s) => (quiet(s), (s.profile['notify_url'] = 'https://shop.example.com/notify?id=1')),
    ...warn('notify_url_query'),
  },
  'a private notify_url over plain http on the live host': {
    plant: (s) => {
      foreign(s, other);
      s.profile['public_key_id'] = 'PUB_KEY_ID_01';
      s.profile['public_key'] = `file:${other.publicKeyFile}`;
      s.profile['base_url'] = 'https://api.mch.weixin.qq.com';
      s.profile['notify_url'] = 'http://192.168.1.5/notify';
    },
    ...warn('notify_url_http', 'notify_url_local'),
  },
  'no merchant number': { plant: (s) => (quiet(s), (s.profile['mchid'] = undefined)), ...fail('CREDENTIAL_MISSING') },
  "a key of another package than the certificate's": {
    plant: (s) => (quiet(s), (s.profile['private_key'] = `file:${other.keyFile}`)),
    ...fail('KEY_CERTIFICATE_MISMATCH'),
  },
  'a serial of another certificate': {
    plant: (s) => (quiet(s), (s.profile['serial_no'] = other.serial)),
    ...fail('PROFILE_INVALID'),
  },
  "a merchant number that is not the certificate's": {
    plant: (s) => (quiet(s), (s.profile['mchid'] = '1900009999')),
    ...fail('PROFILE_INVALID'),
  },
  'a merchant certificate that has expired': {
    plant: (s) => (withPublicKey(s), foreign(s, over)),
    ...fail('CERTIFICATE_EXPIRED'),
  },
  'a merchant certificate with less than 30 days': {
    plant: (s) => (withPublicKey(s), foreign(s, ending)),
    ...warn('merchant_certificate_ends_soon'),
  },
  'a merchant certificate with less than 7 days': {
    plant: (s) => (withPublicKey(s), foreign(s, nearlyOver)),
    ...warn('merchant_certificate_ends_now'),
  },
  'a key file that is not there': {
    plant: (s) => (quiet(s), (s.profile['private_key'] = 'file:/nowhere/apiclient_key.pem')),
    ...fail('SECRET_UNREADABLE'),
  },
  'a key file that others may read': {
    plant: (s) => (quiet(s), chmodSync(join(s.home, 'apiclient_key.pem'), 0o644)),
    ...warn('key_file_open'),
  },
  'the certificate in place of the key': {
    plant: (s) => (
      quiet(s),
      (s.profile['private_key'] = `file:${put(s, 'key.pem', readFileSync(local.info.certificate_file))}`)
    ),
    ...fail('KEY_WRONG_KIND'),
  },
  'a key of 1024 bits': {
    plant: (s) => (quiet(s), (s.profile['private_key'] = `file:${put(s, 'weak.pem', pem(1024))}`)),
    ...fail('KEY_WEAK'),
  },
  'a .p12 with another passphrase': {
    plant: (s) => {
      quiet(s);
      const changed = makeMerchantFiles(join(s.home, 'changed'), { mchid: '1900000001', passphrase: 'secret' });
      s.profile['client_cert_file'] = changed.p12File;
      s.profile['private_key'] = undefined;
      s.profile['serial_no'] = changed.serial;
    },
    ...fail('P12_PASSPHRASE_WRONG'),
  },
  "an emulator's certificate on the live host": {
    plant: (s) => (quiet(s), (s.profile['base_url'] = undefined)),
    ...fail('EMULATOR_KEY_ON_LIVE'),
  },
  'a CA file that nearly ends': {
    plant: (s) => (quiet(s), (s.profile['ca_file'] = ending.certificateFile)),
    ...warn('ca_file_ends_soon'),
  },
  'a CA file that has expired': {
    plant: (s) => (quiet(s), (s.profile['ca_file'] = over.certificateFile)),
    ...fail('ca_file_expired'),
  },
  'a CA file that leads nowhere': {
    plant: (s) => (quiet(s), (s.profile['ca_file'] = '/nowhere/ca.pem')),
    ...fail('SECRET_UNREADABLE'),
  },
  'the private key in place of the WeChat Pay public key': {
    plant: (s) => (quiet(s), (s.profile['public_key'] = `file:${local.info.private_key_file}`)),
    ...fail('KEY_WRONG_KIND'),
  },
  "the merchant's own public key in place of WeChat Pay's": {
    plant: (s) => {
      quiet(s);
      const own = new X509Certificate(readFileSync(local.info.certificate_file)).publicKey;
      s.profile['public_key'] = `file:${put(s, 'pub.pem', own.export({ type: 'spki', format: 'pem' }).toString())}`;
    },
    ...fail('public_key_is_merchants'),
  },
  "a platform certificate's key in place of the public key": {
    plant: (s) => {
      const x509 = new X509Certificate(readFileSync(local.info.platform_certificate_file ?? ''));
      const text = x509.publicKey.export({ type: 'spki', format: 'pem' }).toString();
      s.profile['public_key'] = `file:${put(s, 'pub.pem', text)}`;
      s.profile['public_key_id'] = 'PUB_KEY_ID_01';
      cache(
        s,
        { serial: x509.serialNumber, pem: x509.toString(), notBefore: 0, notAfter: Date.now() + 900 * day },
        Date.now(),
      );
    },
    ...fail('public_key_is_a_certificates'),
  },
  'a public key id without its key': {
    plant: (s) => (offline(s), (s.profile['public_key_id'] = 'PUB_KEY_ID_01')),
    ...fail('CREDENTIAL_MISSING'),
  },
  'an APIv3 key of 31 bytes': {
    plant: (s) => (quiet(s), (s.profile['api_v3_key'] = 'x'.repeat(31))),
    ...fail('API_V3_KEY_LENGTH'),
  },
  'no APIv3 key': { plant: (s) => (quiet(s), (s.profile['api_v3_key'] = undefined)), ...warn('api_v3_key_missing') },
  'an APIv3 key with its quotes': {
    plant: (s) => (quiet(s), (s.profile['api_v3_key'] = `"${'x'.repeat(30)}"`)),
    ...warn('api_v3_key_characters'),
  },
  'one key for APIv2 and APIv3': {
    plant: (s) => (quiet(s), (s.profile['api_v2_key'] = s.profile['api_v3_key'])),
    ...warn('api_keys_equal'),
  },
  'an APIv3 key that was changed on the platform': {
    plant: (s) => void (s.profile['api_v3_key'] = 'x'.repeat(32)),
    found: ['DECRYPT_FAILED', 'platform_keys_none'],
    exit: 6,
  },
  'a proxy that is none': {
    plant: (s) => {
      withPublicKey(s);
      foreign(s, other);
      s.profile['base_url'] = 'https://api.mch.weixin.qq.com';
      s.env['HTTPS_PROXY'] = 'socks5://127.0.0.1:1080';
    },
    ...fail('NETWORK_PROXY', 7),
  },
  'two proxies': {
    plant: (s) => {
      quiet(s);
      s.env['https_proxy'] = 'http://a:1';
      s.env['HTTPS_PROXY'] = 'http://b:1';
    },
    ...warn('proxy_conflict'),
  },
  'a server that is not there': {
    plant: (s) => (withPublicKey(s), (s.profile['base_url'] = 'http://127.0.0.1:9')),
    ...fail('NETWORK_REFUSED', 7),
  },
  'a clock ten minutes ahead': {
    plant: (s) => (withPublicKey(s), (s.clock = shiftedClock(() => 600_000))),
    ...fail('clock_skew'),
  },
  'a clock two minutes behind': {
    plant: (s) => (withPublicKey(s), (s.clock = shiftedClock(() => -120_000))),
    ...warn('clock_drift'),
  },
  'a key that WeChat Pay does not know': {
    plant: (s) => {
      foreign(s, other);
      s.argv.pop();
      s.profile['mchid'] = local.info.mchid;
      s.profile['client_cert_file'] = undefined;
    },
    found: ['CREDENTIALS_REFUSED', 'platform_keys_none'],
    exit: 14,
  },
  'a public-key merchant without the public key': {
    plant: (s) => {
      Object.assign(s.profile, soundSetup(keyOnly).profile, { public_key: undefined, public_key_id: undefined });
    },
    found: ['public_key_needed', 'platform_keys_none'],
    exit: 5,
  },
  'another WeChat Pay public key': {
    plant: (s) => (withPublicKey(s), (s.profile['public_key'] = `file:${other.publicKeyFile}`)),
    ...fail('SIGNATURE_WRONG', 6),
  },
  'a WeChat Pay public key id of another merchant': {
    plant: (s) => (withPublicKey(s), (s.profile['public_key_id'] = 'PUB_KEY_ID_02')),
    ...fail('serial_unknown_there', 4),
  },
  'no key of WeChat Pay': { plant: offline, ...warn('platform_keys_none') },
  'a platform certificate without successor, 20 days before its end': {
    plant: (s) => cache(s, certificateFor(20), Date.now()),
    ...warn('platform_certificate_ends_soon'),
  },
  'a platform certificate without successor, 5 days before its end': {
    plant: (s) => cache(s, certificateFor(5), Date.now()),
    ...warn('platform_certificate_ends_now'),
  },
  'a platform certificate that has expired': {
    plant: (s) => cache(s, certificateFor(-2), Date.now()),
    ...warn('platform_certificate_expired'),
  },
  'platform certificates that nobody looks at': {
    plant: (s) => cache(s, certificateFor(900), Date.now() - 2 * day),
    ...warn('platform_keys_stale'),
  },
  'a platform certificate of a foreign chain on the live host': {
    plant: (s) => {
      foreign(s, other);
      s.argv.pop();
      s.profile['base_url'] = 'https://api.mch.weixin.qq.com';
      cache(s, certificateFor(900), Date.now(), 'https://api.mch.weixin.qq.com');
    },
    ...warn('platform_chain'),
  },
  'a certificate cache that was tampered with': {
    plant: (s) => {
      cache(s, certificateFor(900), Date.now());
      const { finish } = s;
      s.finish = async () => {
        await finish?.();
        const dir = join(s.home, '.cache', 'wxpay', 'certificates');
        const [name = ''] = readdirSync(dir);
        const text = readFileSync(join(dir, name), 'utf8');
        writeFileSync(join(dir, name), text.replace('"version": 1', '"version": 1, "x": 1'));
      };
    },
    ...warn('cache_unusable', 'platform_keys_none'),
  },
  'a cache folder that cannot be': {
    plant: (s) => (quiet(s), (s.env['WXPAY_CACHE_DIR'] = put(s, 'file', ''))),
    ...warn('cache_unwritable'),
  },
};

describe('a sound setup', () => {
  test.each([
    ['with platform certificates', () => soundSetup()],
    ['with both kinds of keys', () => withPublicKeyOf(soundSetup())],
    ['with the public key alone', () => soundSetup(keyOnly)],
    [
      'offline',
      () => {
        const setup = soundSetup(keyOnly);
        setup.argv.push('--offline');
        return setup;
      },
    ],
  ])('has no findings: %s', async (_, make) => {
    expect(await findings(make())).toEqual({ names: [], fixes: [], verdict: 'ok', code: 0 });
  });
});

function withPublicKeyOf(setup: Setup): Setup {
  withPublicKey(setup);
  return setup;
}

describe('a planted misconfiguration is found and named', () => {
  test(`there are ${Object.keys(plants).length} of them`, () => {
    expect(Object.keys(plants).length).toBeGreaterThanOrEqual(25);
  });

  test.each(Object.entries(plants))('%s', async (_, { plant, found, exit }) => {
    const setup = soundSetup();
    plant(setup);
    const result = await findings(setup);
    expect(result.names).toEqual(found);
    expect(result.code).toBe(exit);
    // Each finding carries its fix.
    expect(result.fixes.every((fix) => fix !== null && fix.length > 3)).toBe(true);
  });
});

describe('doctor', () => {
  test("an APIv3 key of the wrong length is the APIv3 key's fault, not the merchant key's", async () => {
    const setup = soundSetup();
    setup.profile['api_v3_key'] = 'x'.repeat(31);
    const { checks } = JSON.parse((await doctor(setup)).stdout) as { checks: { check: string; status: string }[] };
    const statusOf = (name: string): string | undefined => checks.find(({ check }) => check === name)?.status;
    expect([statusOf('keys'), statusOf('api_keys')]).toEqual(['ok', 'fail']);
  });

  test('says that a setup works only when a signed request has proven it', async () => {
    const sound = soundSetup();
    expect((await doctor({ ...sound, argv: ['doctor'] })).stdout).toMatch(/^(?:No faults found|It works, but)/m);
    const offline = await doctor({ ...sound, argv: ['doctor', '--offline'] });
    expect([offline.code, offline.stdout]).toEqual([0, expect.stringContaining('No signed request was made.')]);
    // Without the APIv3 key no certificate can be had, and without one there is no echo.
    sound.profile['api_v3_key'] = undefined;
    const keyless = await doctor({ ...sound, argv: ['doctor'] });
    expect(keyless.stdout).toContain(
      'No faults in what was looked at, but see the warnings. No signed request was made.',
    );
    expect(keyless.stdout).not.toContain('It works');
  });

  test('offline sends nothing', async () => {
    const before = local.emulator.requests.length;
    const setup = soundSetup();
    setup.argv.push('--offline');
    await doctor(setup);
    expect(local.emulator.requests).toHaveLength(before);
  });

  test('online sends one echo, and its callback is received and verified', async () => {
    const before = local.emulator.requests.length;
    const setup = soundSetup();
    setup.argv.push('--notify-url', 'http://127.0.0.1:45873/notify', '--listen', '45873');
    expect(await findings(setup)).toMatchObject({ names: [], verdict: 'ok' });
    const targets = local.emulator.requests.slice(before).map(({ method, target }) => `${method} ${target}`);
    expect(targets).toEqual(['GET /v3/certificates', 'GET /v3/certificates', 'POST /v3/security/echo']);
  });

  test('without a listener it says what to look for', async () => {
    const setup = soundSetup();
    setup.argv.push('--notify-url', 'http://127.0.0.1:9/notify');
    const result = await doctor(setup);
    expect([result.code, result.stdout]).toEqual([0, expect.stringMatching(/callback_requested[^]*wxpay-doctor-/)]);
  });

  test('a callback that does not come is a finding', async () => {
    const setup = soundSetup();
    setup.argv.push('--notify-url', 'http://127.0.0.1:9/notify', '--listen', '0');
    // Time flies for whoever waits.
    setup.clock = {
      ...realClock,
      sleep: (milliseconds, signal) => realClock.sleep(milliseconds === 20_000 ? 300 : milliseconds, signal),
    };
    expect(await findings(setup)).toMatchObject({ names: ['callback_not_arrived'], code: 7 });
  });

  test('changes nothing: a broken profile stays where it is, a loose one stays loose until it is used', async () => {
    const setup = soundSetup();
    setup.argv.push('--offline');
    setup.finish = () => {
      writeFileSync(profileFile(setup), '{');
      chmodSync(profileFile(setup), 0o640);
    };
    await doctor(setup);
    expect(readFileSync(profileFile(setup), 'utf8')).toBe('{');
    expect(statSync(profileFile(setup)).mode & 0o777).toBe(0o640);
  });

  test('E1: prints no secret, in either form and with --debug', async () => {
    const setup = soundSetup();
    const secret = setup.profile['api_v3_key'] ?? '';
    for (const argv of [['doctor'], ['doctor', '--debug'], ['doctor', '--json'], ['doctor', '--lang', 'zh-CN']]) {
      const { stdout, stderr } = await doctor({ ...setup, argv });
      expect(stdout + stderr).not.toContain(secret);
      expect(stdout).not.toContain('\u001b');
    }
  });

  test('over HTTPS it finds that the CA is missing or the wrong one, and is content with the right one', async () => {
    const secure = await startLocal({ https: { port: 0 } });
    try {
      const setup = (ca: string | null): Setup => {
        const made = soundSetup(secure);
        made.profile['base_url'] = secure.info.https_url ?? '';
        if (ca !== null) made.profile['ca_file'] = ca;
        return made;
      };
      expect(await findings(setup(secure.info.ca_file))).toMatchObject({ names: [], code: 0 });
      expect(await findings(setup(null))).toMatchObject({ names: ['NETWORK_TLS'], code: 7 });
      expect(await findings(setup(other.certificateFile))).toMatchObject({ names: ['NETWORK_TLS'], code: 7 });
    } finally {
      await secure.close();
    }
  });

  test('a profile without a client certificate is told what it cannot call, and is sound', async () => {
    const setup = soundSetup();
    setup.profile['client_cert_file'] = undefined;
    withPublicKey(setup);
    setup.argv.push('--offline');
    const result = await doctor(setup);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout).toContain('"no_client_certificate"');
    expect(JSON.parse(result.stdout)).toMatchObject({ verdict: 'ok' });
  });

  test.each([
    ['--listen alone', ['--listen', '3000']],
    ['a port that is none', ['--listen', 'x', '--notify-url', 'http://127.0.0.1/n']],
  ])('refuses %s', async (_, flags) => {
    const setup = soundSetup();
    setup.argv.push(...flags);
    const result = await doctor(setup);
    expect([result.code, errorOf(result)['code']]).toEqual([2, 'INPUT_INVALID']);
  });
});
