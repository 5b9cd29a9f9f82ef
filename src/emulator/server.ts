/**
 * A strict local WeChat Pay: APIv3 for orders and certificates, with its own canonicaliser, header parser and validator, so
 * that it can be a witness against the rest of wxpay (DESIGN section 7).
 */
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WxpayError } from '../core/errors.ts';
import type { Seal } from './answer.ts';
import type { FrozenRefund } from './bills.ts';
import { makeBeginner } from './beginning.ts';
import { openBusinessClock } from './business-clock.ts';
import { openOutbox, summarise } from './callback-outbox.ts';
import { changeCallbackSettings, defaultCallbackSettings } from './callback-settings.ts';
import type { Emulator, EmulatorInfo, EmulatorOptions, RequestLog } from './contract.ts';
import { openCodepayDesk } from './codepay.ts';
import { openCombinedBook } from './combined-orders.ts';
import { readClientCertificate, refuseCertificate, sendPage } from './client-certificate.ts';
import { controlBodyLimit, handleControl, sendHealth } from './control.ts';
import { controlPrefix } from './control-protocol.ts';
import { readDeterministic } from './deterministic.ts';
import { listEntries } from './entries.ts';
import { openFaults } from './faults.ts';
import { makeFolder, replaceFile } from './folder.ts';
import { authenticate, headerOf } from './gateway.ts';
import type { RawRequest } from './gateway.ts';
import { isForOfficialHost, isWelcome, makeBodyReader, rawHeaders } from './guard.ts';
import type { Address } from './guard.ts';
import { defaultMchid, makeMerchant, openMerchants } from './merchants.ts';
import type { Merchant, MerchantOptions } from './merchants.ts';
import { openSwitchboard } from './merchant-switches.ts';
import { openListeners } from './listeners.ts';
import type { Listener } from './listeners.ts';
import { makeOpenid, openOrderBook } from './orders.ts';
import { openPage } from './page/page.ts';
import { openShowcase } from './page/showcase.ts';
import { payOrder } from './payer.ts';
import type { PayRequest } from './payer.ts';
import { openPayerBook } from './payers.ts';
import { openPlatform } from './platform.ts';
import type { Mode, Platform, SigningKey } from './platform.ts';
import { openRefundCallbacks } from './refund-callbacks.ts';
import { changeSettings, defaultRefundSettings } from './refund-settings.ts';
import { settleRefund } from './refund-outcome.ts';
import { openSharingBook } from './profit-sharing.ts';
import { openRandomness } from './randomness.ts';
import type { RandomBytes } from './randomness.ts';
import { openRefundBook } from './refunds.ts';
import { bare, refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import { billEndpoints } from './resources/bills.ts';
import { codepayEndpoints } from './resources/codepay.ts';
import { combineEndpoints } from './resources/combine.ts';
import { certificateEndpoints } from './resources/certificates.ts';
import { echoEndpoints } from './resources/echo.ts';
import { sharingEndpoints } from './resources/profit-sharing.ts';
import { mediaEndpoints } from './resources/media.ts';
import { refundEndpoints } from './resources/refunds.ts';
import { transactionEndpoints } from './resources/transactions.ts';
import { openRotation } from './rotation.ts';
import { makeRouter } from './router.ts';
import { dumpState, replace, restoreState } from './state.ts';
import { openStateKeeper } from './state-keeper.ts';
import type { StateKeeper } from './state-keeper.ts';
import { makeSeeder } from './seed.ts';
import { openSharingCallbacks } from './sharing-callbacks.ts';
import { openTls } from './tls.ts';
import { openTransferDesk } from './transfer-desk.ts';
import { perform, send } from './trouble.ts';
import { answerAboutAnother, openV2Desk, troubleAnswer } from './v2/desk.ts';

export type { Emulator, EmulatorInfo, EmulatorOptions, RequestLog } from './contract.ts';

const maxLog = 10_000;

/**
 * Starts an emulator.
 *
 * @throws WxpayError `EMULATOR_PORT_BUSY`, `FILE_UNWRITABLE`, `KEY_UNREADABLE`, `INPUT_INVALID`
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { clock: wire, randomBytes, host = '127.0.0.1' } = options;
  const deterministic = readDeterministic(options.deterministic);
  const clock = openBusinessClock(wire, deterministic?.time);
  const randomness = openRandomness(randomBytes, deterministic?.seed);
  const bytesFor = (purpose: string): RandomBytes => randomness.of(purpose);
  const dir = await makeFolder(options.dir);
  const tools = { now: wire.now(), randomBytes };
  const {
    platform,
    mode,
    callbackKey,
    rotate,
    state: rotation,
  } = await openRotation(await openPlatform(dir, tools), {
    dir,
    mode: options.mode,
    remember: options.persist === true,
    now: () => wire.now(),
    randomBytes,
  });
  const { merchants, addMerchant } = await openRegister(join(dir, 'merchants'), platform, {
    ...options,
    // Drawn before anything is taken up, so from streams of their own.
    appidBytes: openRandomness(randomBytes, deterministic?.seed).of('appids'),
  });
  const orders = openOrderBook(bytesFor('orders'));
  const findMerchant = (mchid: string): Merchant | undefined => merchants.get(mchid);
  const combined = openCombinedBook({ orders, findMerchant, randomBytes: bytesFor('combined') });
  const payers = openPayerBook(bytesFor('codes'), () => makeOpenid(bytesFor('payers')));
  const codepay = openCodepayDesk({ orders, payers, randomBytes: bytesFor('payers') });
  const switchboard = openSwitchboard();
  const seeder = makeSeeder({ orders, randomBytes: bytesFor('seed'), defaultMchid, findMerchant });
  const faults = openFaults((ordinal) => randomness.faultSeed(ordinal));
  const requests: RequestLog[] = [];
  const stopped = new AbortController();
  // Everything that waits listens to it; the bounds on how much waits are elsewhere.
  setMaxListeners(0, stopped.signal);
  const settings = changeSettings(defaultRefundSettings, options.refunds ?? {});
  const refunds = openRefundBook({
    orders,
    randomBytes: bytesFor('refunds'),
    settings,
    frozen: (order, now) => sharing.frozen(order, now),
    closedPayer: (openids) => payers.someClosed(openids),
    onPending: (refund) => callbacks.watch(refund),
  });
  const sharing = openSharingBook({
    orders,
    randomBytes: bytesFor('sharing'),
    refunded: (order) => refunds.refundedOf(order),
    balance: (mchid) => refunds.settings().balances[mchid] ?? Infinity,
    trouble: (openid) => payers.trouble(openid),
    onPending: (entry) => sharingCallbacks.watch(entry),
  });
  const outbox = openOutbox({
    clock,
    wire,
    randomness,
    timeoutMs: options.callbackTimeoutMs ?? 5000,
    signal: stopped.signal,
    settings: changeCallbackSettings(defaultCallbackSettings, options.callbacks ?? {}),
    // When a callback is sent is not up to requests.
    seal: () => ({ ...seal(), randomBytes: bytesFor('sends'), key: callbackKey() }),
    onChange: touched,
  });
  const callbacks = openRefundCallbacks({
    clock,
    signal: stopped.signal,
    current: (refund, now) => refunds.current(refund, now),
    outbox,
  });
  const sharingCallbacks = openSharingCallbacks({
    clock,
    signal: stopped.signal,
    outbox,
    notices: (entry, now) => sharing.notices(entry, now),
    findMerchant,
    urlOf: (mchid) => switchboard.of(mchid).sharing_notify_url,
  });
  const transfers = openTransferDesk({
    clock,
    randomBytes: bytesFor('transfers'),
    signal: stopped.signal,
    outbox,
    payers,
    refunds,
    findMerchant,
  });
  const controlToken = randomBytes(24).toString('base64url');
  const billSources = { orders, refunds, frozen: new Map<string, FrozenRefund>() };
  const desk = openV2Desk({ ...billSources, codepay, find: findMerchant, switchboard, randomBytes: bytesFor('v2') });
  const endpoints = [
    ...transactionEndpoints(orders),
    ...combineEndpoints(combined, { find: findMerchant, switchesOf: (mchid) => switchboard.of(mchid) }),
    ...codepayEndpoints(codepay),
    ...sharingEndpoints(sharing, () => refunds.settings().rate_limits),
    ...refundEndpoints(refunds),
    ...transfers.endpoints,
    ...billEndpoints({
      ...billSources,
      sharing,
      randomBytes: bytesFor('bills'),
      isLimited: () => refunds.settings().rate_limits,
    }),
    ...certificateEndpoints(mode, (text) => randomness.nonceFor(text)),
    ...echoEndpoints({ outbox }),
    ...mediaEndpoints(),
  ];
  const route = makeRouter(endpoints);
  const stores = {
    clock,
    randomness,
    seeder,
    orders,
    combined,
    payers,
    switchboard,
    refunds,
    sharing,
    outbox,
    faults,
    findMerchant,
    transfers: transfers.book,
    billed: billSources.frozen,
    refundCallbacks: callbacks,
    sharingCallbacks,
  };
  const empty = structuredClone(dumpState(stores));
  const beginWith = makeBeginner({
    endpoints,
    orders,
    refunds,
    transfers: transfers.book,
    payers,
    switchboard,
    sharing,
    seeder,
    findMerchant,
    defaultMchid,
    platform,
    mode,
    randomBytes: bytesFor('calls'),
  });
  let keeper: StateKeeper | undefined;
  if (options.persist === true)
    keeper = await openStateKeeper({
      dir,
      wire,
      randomBytes,
      signal: stopped.signal,
      dump: () => dumpState(stores),
      restore: (state) => restoreState(stores, state),
      onProblem: options.onStateProblem ?? (() => undefined),
    });
  const began = keeper?.found === true ? 'kept' : options.seed === undefined ? 'empty' : 'seeded';
  if (began === 'seeded') plantSeed();
  // What this start says about callbacks outweighs what an earlier one had said.
  if (began === 'kept' && options.callbacks !== undefined) outbox.configure(options.callbacks);
  if (options.faults !== undefined) faults.clear();
  plantFaults();
  const readRequestBody = makeBodyReader();
  const showcase = openShowcase({
    orders,
    combined,
    refunds,
    transfers: transfers.book,
    payers,
    now: () => clock.now(),
  });
  const pages = openPage({
    controlToken,
    now: () => clock.now(),
    readBody: readRequestBody,
    emulator: () => emulator,
  });

  const allowedHosts = options.allowedHosts ?? [];
  const tls =
    options.https === undefined
      ? undefined
      : await openTls(dir, [host, ...allowedHosts], { now: wire.now(), randomBytes });
  const secure =
    tls === undefined ? undefined : { tls, port: options.https?.port ?? 0, authority: platform.issuer.certificate };
  const proxy = options.proxy === undefined ? {} : { proxy: { onRefused: () => undefined, ...options.proxy } };
  const listeners = await openListeners({ host, port: options.port ?? 0, secure, serve, ...proxy });
  const { url } = listeners;
  const place: Place = { url, https_url: listeners.secureUrl ?? null, ca_file: tls?.caFile ?? null };

  function seal(key?: SigningKey): Seal {
    const common = { foreignKey: platform.foreignKey, now: wire.now(), randomBytes: bytesFor('answers') };
    return key === undefined ? common : { ...common, key };
  }

  function touched(): void {
    keeper?.touched();
  }

  function plantSeed(): void {
    if (options.seed !== undefined) beginWith(listEntries('seed', options.seed), clock.now());
  }

  function plantFaults(): void {
    if (options.faults !== undefined) faults.addAll(listEntries('faults', options.faults));
  }

  /** What was done from inside is kept as well as what came by request. */
  function kept<T>(done: T): T {
    touched();
    return done;
  }

  function note(entry: RequestLog): void {
    requests.push(entry);
    if (requests.length > maxLog) requests.shift();
    options.onLog?.(entry);
  }

  function serve(isSecure: boolean): Listener {
    return (message, response) => {
      const address = { host, port: message.socket.localPort ?? 0, allowedHosts, secure: isSecure };
      const done = handle(message, response, address).finally(() => {
        // Asking changes nothing, but a bill is the same ever after.
        if (message.method !== 'GET' || message.url?.startsWith('/v3/bill/') === true) touched();
      });
      done.catch((error: unknown) => {
        // The caller went away while it was sending, or the emulator is being closed; anything else is a bug of ours.
        if (response.headersSent || message.destroyed || stopped.signal.aborted) response.destroy();
        else send(response, refuse(500, 'SYSTEM_ERROR', `EMULATOR: ${String(error)}`, 500), seal());
      });
    };
  }

  async function handle(message: IncomingMessage, response: ServerResponse, address: Address): Promise<void> {
    const { method = '', url: target = '' } = message;
    const headers = rawHeaders(message);
    const at = wire.now();
    const unsigned = (reply: Reply): void => note({ at, method, target, ...send(response, reply, seal()) });
    const visit = await pages.visit({ message, response, headers, address });
    if (visit !== 'elsewhere') {
      if (visit !== 'served') unsigned(visit);
      return;
    }
    if (!isWelcome(headers, address)) {
      response.shouldKeepAlive = false;
      unsigned({ ...refuse(403, 'NO_AUTH', 'EMULATOR: Host or Origin is not allowed', 403), check: 'host' });
      return;
    }
    const body = await readRequestBody(message, controlBodyLimit(target, headers, controlToken));
    if (body === 'too-large') {
      response.shouldKeepAlive = false;
      unsigned({ ...refuse(413, 'INVALID_REQUEST', 'EMULATOR: the body is larger than 1 MiB', 413), check: 'size' });
      return;
    }
    const authority = platform.issuer.certificate;
    const clientCertificate = readClientCertificate(message.socket, {
      authority,
      find: findMerchant,
      now: wire.now(),
    });
    const request: RawRequest = { method, target, headers, body, clientCertificate };
    if (target === '/healthz' && method === 'GET' && !isForOfficialHost(headers, address)) {
      sendHealth(response, clock.state());
      return;
    }
    if (target.startsWith(controlPrefix) && !isForOfficialHost(headers, address)) {
      await handleControl(request, response, { token: controlToken, emulator });
      return;
    }
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    const page = refuseCertificate(path, clientCertificate);
    if (page !== undefined) {
      sendPage(response, page, wire.now());
      note({ at, method, target, status: page.status, code: page.title, refused_by: 'certificate' });
      return;
    }
    if (desk.owns(path)) {
      const spoken = desk.open(request, path, clock.now());
      if ('status' in spoken) {
        unsigned(spoken);
        return;
      }
      const { call } = spoken;
      clock.tick();
      const fault = faults.take(method, path);
      const sent = await perform(
        {
          response,
          call,
          orders,
          refunds,
          clock: wire,
          signal: stopped.signal,
          seal: () => seal(),
          act: () => spoken.act(clock.now()),
          shape: {
            trouble: (status) => troubleAnswer(call, status),
            aboutAnother: (reply) => answerAboutAnother(reply, call),
          },
        },
        fault,
      );
      const spoiled = fault === undefined ? {} : { fault: fault.kind };
      note({ at, method, target, mchid: call.merchant.mchid, ...sent, ...spoiled });
      return;
    }
    const found = route(method, path);
    if (found.kind === 'unknown-path' || found.kind === 'wrong-method') {
      unsigned({ ...bare(found.kind === 'unknown-path' ? 404 : 405), check: 'path' });
      return;
    }
    const caller = authenticate(request, findMerchant, Math.floor(wire.now() / 1000));
    if ('status' in caller) {
      unsigned(caller);
      return;
    }
    clock.tick();
    const call = {
      request,
      merchant: caller.merchant,
      switches: switchboard.of(caller.merchant.mchid),
      path: found.kind === 'endpoint' ? found.path : {},
      query: mark < 0 ? '' : target.slice(mark + 1),
      platform,
      mode: mode(),
      now: clock.now(),
      randomBytes: bytesFor('calls'),
    };
    if (found.kind === 'endpoint') found.endpoint.arrived?.(call);
    const act = (): Reply =>
      switchboard.limited(caller.merchant.mchid, clock.now()) ??
      (found.kind === 'endpoint'
        ? found.endpoint.answer({ ...call, now: clock.now() })
        : refuse(501, 'NOT_IMPLEMENTED', 'EMULATOR: 模拟器尚未实现该接口', 501));
    const fault = faults.take(method, path);
    const key = answerKey(request, mode(), platform);
    const stage = { response, call, orders, refunds, clock: wire, signal: stopped.signal, seal: () => seal(key), act };
    const sent = await perform(stage, fault);
    const spoiled = fault === undefined ? {} : { fault: fault.kind };
    note({ at, method, target, mchid: caller.merchant.mchid, ...sent, ...spoiled });
  }

  const recordFile = join(dir, 'emulator.json');
  const emulator: Emulator = {
    url,
    info: describe(place, merchants.get(defaultMchid), platform, mode()),
    began,
    infoOf: (mchid) => describe(place, merchants.get(mchid), platform, mode()),
    proxyUrl: listeners.proxyUrl,
    controlToken,
    recordFile,
    pay: async (request: PayRequest) => kept(payOrder(request, { orders, combined, codepay, outbox, clock })),
    issueCode: (openid) => kept(payers.issue(openid, clock.now())),
    changePayer: (openid, change) => kept(payers.change(openid, change)),
    endpoints: endpoints.map(({ method, path }) => ({ method, path })),
    seed: (request) => kept(seeder.seed(request, clock.now())),
    settleRefund: async (request) => settleRefund(request, { refunds, callbacks, now: () => clock.now() }),
    ledger: () => refunds.ledger(clock.now()),
    reset() {
      replace(stores, structuredClone(empty));
      plantSeed();
      plantFaults();
      requests.length = 0;
      touched();
    },
    snapshot: () => structuredClone(dumpState(stores)),
    restore(snapshot) {
      restoreState(stores, snapshot);
      touched();
    },
    get clock() {
      return clock.state();
    },
    moveClock: (change) => kept(clock.move(change)),
    get refundSettings() {
      return refunds.settings();
    },
    configureRefunds: (change) => kept(refunds.configure(change)),
    get callbacks() {
      return outbox.records.map(summarise);
    },
    outbox,
    transfers,
    addMerchant,
    changeMerchant(mchid, change) {
      if (findMerchant(mchid) === undefined) throw new WxpayError('NOT_FOUND', { params: { what: mchid } });
      return switchboard.change(mchid, change);
    },
    rotate: async (request = {}) => rotate(request),
    get rotation() {
      return rotation();
    },
    get merchants() {
      return [...merchants.values()];
    },
    faults,
    showcase,
    requests,
    async close() {
      stopped.abort();
      await listeners.close();
      touched();
      await keeper?.flush();
      await removeRecord(recordFile, controlToken);
    },
  };
  const record = { url, token: controlToken, ...(options.pid === undefined ? {} : { pid: options.pid }) };
  await replaceFile(recordFile, `${JSON.stringify(record, null, 2)}\n`, randomBytes);
  return emulator;
}

interface Register {
  readonly merchants: ReadonlyMap<string, Merchant>;
  readonly addMerchant: (options: MerchantOptions) => Promise<Merchant>;
}

/** The emulator's own merchants, and those that were asked for. */
async function openRegister(
  path: string,
  platform: Platform,
  options: EmulatorOptions & { readonly appidBytes: RandomBytes },
): Promise<Register> {
  const { clock, randomBytes, appidBytes } = options;
  const dir = await makeFolder(path);
  const tools = { now: clock.now(), randomBytes, issuer: platform.issuer, appidBytes };
  const merchants = new Map<string, Merchant>();
  for (const merchant of await openMerchants(dir, tools)) merchants.set(merchant.mchid, merchant);
  const addMerchant = async (description: MerchantOptions): Promise<Merchant> => {
    const merchant = await makeMerchant(dir, description, { ...tools, now: clock.now() });
    merchants.set(merchant.mchid, merchant);
    return merchant;
  };
  for (const description of options.merchants ?? []) await addMerchant(description);
  return { merchants, addMerchant };
}

/** The key that signs the answer: what the request asks for, as far as the mode allows (protocol 4). */
function answerKey(request: RawRequest, mode: Mode, platform: Platform): SigningKey {
  if (mode === 'public-key') return platform.publicKey;
  const wanted = headerOf(request, 'wechatpay-serial');
  return mode === 'mixed' && wanted === platform.publicKey.id ? platform.publicKey : platform.certificate;
}

/** Where the emulator is reached. */
type Place = Pick<EmulatorInfo, 'url' | 'https_url' | 'ca_file'>;

function describe(place: Place, merchant: Merchant | undefined, platform: Platform, mode: Mode): EmulatorInfo {
  if (merchant?.files === undefined)
    throw new WxpayError('NOT_FOUND', { params: { what: merchant?.mchid ?? 'mchid' } });
  const certificate = mode === 'public-key' ? undefined : platform.certificate;
  const publicKey = mode === 'certificate' ? undefined : platform.publicKey;
  return {
    url: place.url,
    mchid: merchant.mchid,
    appid: merchant.appids[0] ?? '',
    serial_no: merchant.serialNo,
    private_key_file: merchant.files.private_key_file,
    certificate_file: merchant.files.certificate_file,
    p12_file: merchant.files.p12_file,
    api_v3_key: merchant.apiV3Key,
    api_v2_key: merchant.apiV2Key,
    platform_serial_no: certificate?.id ?? null,
    platform_certificate_file: certificate?.file ?? null,
    public_key_id: publicKey?.id ?? null,
    public_key_file: publicKey?.file ?? null,
    https_url: place.https_url,
    ca_file: place.ca_file,
  };
}

/** Removes the record, unless another emulator in the same folder has put its own there. */
async function removeRecord(path: string, token: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text.includes(token)) await rm(path, { force: true });
}
