/**
 * Why does a callback not verify? (DESIGN section 5.)
 *
 * A signature tells, with the public key, which digest was signed. So the autopsy knows first whether key and signature
 * belong together, and if they do, looks for the message with that digest among the known damages. What it finds is
 * verified as any callback is before it is called proven, and a damaged callback stays invalid whatever is found.
 */
import type { KeyObject } from 'node:crypto';
import { decodeBase64 } from '../../../core/crypto/base64.ts';
import { verifySha256 } from '../../../core/crypto/rsa.ts';
import type { WxpayError } from '../../../core/errors.ts';
import { sameSerial } from '../../../core/keys/serial.ts';
import type { VerificationKey } from '../../../core/ports.ts';
import { authorizationScheme } from '../../../core/wire/authorization.ts';
import { answerMessage } from '../../../core/wire/message.ts';
import { probePrefix } from '../../../core/wire/verify.ts';
import type { Capture } from '../capture/capture.ts';
import { frameworks, type Framework } from '../recipes.ts';
import { openBudget, type Budget } from './budget.ts';
import { compareWriting, firstDifference, guessWriter, type Writer } from './differences.ts';
import { keyGuesses } from './key-guesses.ts';
import type { Autopsy, Cause, Difference, Facts, Finding, Mended, Rewriting } from './findings.ts';
import { headerTitles, readHeadersLoosely, type LooseHeaders, type Repair } from './header-repairs.ts';
import { findResource, holds, judgeResource } from './resource.ts';
import { findMessage, type Found, type Sibling } from './search.ts';
import { findSigner, modulusBytes, signersOf, type Signed, type Signer } from './signers.ts';

export interface AutopsyInput {
  readonly capture: Pick<Capture, 'headers' | 'body'> & Partial<Pick<Capture, 'bodyIs'>>;
  /** Why `verifyCallback` refused it. */
  readonly failure: WxpayError;
  /** Every key at hand, whatever the callback names. */
  readonly keys: readonly VerificationKey[];
  /** The merchant's own: people take its certificate for the platform's. */
  readonly merchant?: { readonly publicKey: KeyObject; readonly serial?: string };
  /** As configured, of any length. */
  readonly apiV3Key?: Uint8Array;
  readonly apiV2Key?: Uint8Array;
  /** Other callbacks of the same capture: parts of one may have got into another. */
  readonly siblings?: readonly Sibling[];
  readonly framework?: Framework;
  readonly budget?: Budget;
}

/** Never throws for what is in a capture; never says that it is valid. */
export function performAutopsy(input: AutopsyInput): Autopsy {
  const budget = input.budget ?? openBudget();
  const { capture, failure, apiV3Key } = input;
  const { body } = capture;
  const headers = readHeadersLoosely(capture.headers);
  const named = headers.captured.serial;
  const signers = signersOf(input.keys, input.merchant, named);
  const probed = failure.code === 'SIGNATURE_PROBE' || headers.captured.signature?.startsWith(probePrefix) === true;
  const signed = probed ? undefined : findSigner(headers.guesses.signature, signers, budget);
  const resource = findResource(body);
  const declared = capture.headers['content-length']?.[0];
  const facts: Facts = {
    signature: signed !== undefined ? 'intact' : signatureForm(headers, signers),
    ...(signed === undefined ? {} : { signedBy: signed.signer.id }),
    resource: judgeResource(resource, apiV3Key),
    bodyLength: body.length,
    ...(declared !== undefined && /^\d{1,9}$/.test(declared) ? { declaredLength: Number(declared) } : {}),
  };
  const done = (findings: readonly Finding[], evidence: readonly Difference[], mended?: Mended): Autopsy => ({
    grade: findings.some(({ grade }) => grade === 'proven')
      ? 'proven'
      : findings.length > 0
        ? 'indicated'
        : 'not_identifiable',
    findings,
    evidence,
    facts,
    tried: budget.tried(),
    frameworks: helpful(findings, headers, body, input.framework),
    ...(mended === undefined ? {} : { mended }),
  });
  if (probed) return done([indicated('probe')], []);
  if (afterSignature.has(failure.code)) return done(judgeContent(input, facts), []);
  if (signed !== undefined) {
    const found = findMessage({ headers, body, digest: signed.digest, siblings: input.siblings ?? [] }, budget);
    const proof = found === undefined ? undefined : prove(found, signed);
    if (found !== undefined && proof !== undefined)
      return done(
        [...proven(input, headers, signed, found), ...judgeAge(failure, 'proven')],
        evidenceOf(headers, body, proof, signed.signer),
        proof,
      );
  }
  return done([...clues(input, headers, signed, facts), ...judgeAge(failure, 'indicated')], []);
}

/** Failures that come after the signature has verified. */
const afterSignature = new Set([
  'CALLBACK_MALFORMED',
  'DECRYPT_FAILED',
  'API_V3_KEY_LENGTH',
  'ANSWER_MALFORMED',
  'ANSWER_MISMATCH',
]);

function indicated(cause: Cause, params: Finding['params'] = {}): Finding {
  return { cause, grade: 'indicated', params };
}

function signatureForm({ captured, guesses }: LooseHeaders, signers: readonly Signer[]): Facts['signature'] {
  if (captured.signature === undefined) return 'absent';
  const lengths = new Set(signers.map(({ publicKey }) => modulusBytes(publicKey)));
  if (lengths.size === 0) lengths.add(256);
  const fits = guesses.signature.some(({ value }) => lengths.has(decodeBase64(value)?.length ?? 0));
  return fits ? 'foreign' : 'unreadable';
}

/** The mended message, verified like any other; `undefined` should the search have been wrong. */
function prove(found: Found, { signer, signature }: Signed): Mended | undefined {
  const { timestamp, nonce, body } = found;
  const verdict = verifySha256(signer.publicKey, answerMessage({ timestamp, nonce, body }), signature.value);
  return verdict === 'valid' ? { timestamp, nonce, body, serial: signer.id, signature: signature.value } : undefined;
}

function proven(input: AutopsyInput, headers: LooseHeaders, signed: Signed, found: Found): readonly Finding[] {
  const findings: Finding[] = [];
  const add = ({ cause, params = {} }: Repair, rewritings?: readonly Rewriting[]): void => {
    const known = findings.find((one) => one.cause === cause);
    if (known === undefined)
      findings.push({ cause, grade: 'proven', params, ...(rewritings === undefined ? {} : { rewritings }) });
  };
  const wholes: readonly Cause[] = ['reserialised', 'printed_object'];
  const plain = found.repairs.filter(({ cause }) => !wholes.includes(cause));
  for (const repair of plain) add(repair);
  const written =
    found.source === undefined ? [] : [...new Set([...found.rewritings, ...compareWriting(found.source, found.body)])];
  const printed = found.repairs.find(({ cause }) => cause === 'printed_object');
  if (printed !== undefined) add(printed, written);
  else if (written.length > 0) add({ cause: 'reserialised' }, written);
  for (const repair of signed.signature.repairs) add(repair);
  for (const repair of keyRepairs(input, headers, signed)) add(repair);
  if (input.failure.code === 'SIGNATURE_TYPE_UNSUPPORTED')
    add({ cause: 'type_changed', params: { type: headers.captured.type ?? '' } });
  // The bodies' damages are what people look for; a header's name is a detail beside them.
  return findings;
}

/** What is wrong about who signed, and under which name. */
function keyRepairs(
  { keys, merchant }: AutopsyInput,
  { captured, guesses }: LooseHeaders,
  { signer }: Signed,
): readonly Repair[] {
  const named = captured.serial;
  if (signer.isMerchant) return [{ cause: 'signed_by_merchant', params: { serial: signer.id } }];
  if (named === undefined || named.trim() === '')
    return [{ cause: 'header_missing', params: { header: headerTitles.serial } }];
  const isNamed = (id: string, name: string): boolean =>
    id === name ||
    (!id.startsWith('PUB_KEY_ID_') && !name.startsWith('PUB_KEY_ID_') && id.toUpperCase() === name.toUpperCase());
  if (isNamed(signer.id, named)) return [];
  const params = { named: named.slice(0, 128), found: signer.id };
  const meant = guesses.serial.find(
    ({ value }) =>
      isNamed(signer.id, value) ||
      (/^[0-9A-F]+$/i.test(value) && /^[0-9A-F]+$/i.test(signer.id) && sameSerial(value, signer.id)),
  );
  if (meant !== undefined && meant.repairs.length > 0)
    return meant.repairs.map((repair) => (repair.cause === 'serial_format' ? { ...repair, params } : repair));
  if (meant !== undefined) return [{ cause: 'serial_format', params }];
  if (merchant?.serial !== undefined && sameSerial(merchant.serial, named))
    return [{ cause: 'serial_merchant', params }];
  const own = keys.find(({ id }) => isNamed(id, named));
  if (own === undefined) return [{ cause: 'serial_other', params }];
  return merchant !== undefined && own.publicKey.equals(merchant.publicKey)
    ? [{ cause: 'key_merchant', params }]
    : [{ cause: 'key_other', params }];
}

function judgeAge(failure: WxpayError, grade: Finding['grade']): readonly Finding[] {
  if (failure.code !== 'SIGNATURE_STALE') return [];
  const skew = Number(failure.params['skew'] ?? 0);
  const params = { seconds: Math.abs(skew) };
  return [{ cause: skew > 0 ? 'clock_behind' : 'stale', grade, params }];
}

function evidenceOf({ captured }: LooseHeaders, body: Buffer, mended: Mended, signer: Signer): readonly Difference[] {
  const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'utf8');
  return [
    firstDifference('timestamp', bytes(captured.timestamp), bytes(mended.timestamp)),
    firstDifference('nonce', bytes(captured.nonce), bytes(mended.nonce)),
    // Nobody sent the merchant's serial.
    signer.isMerchant ? undefined : firstDifference('serial', bytes(captured.serial), bytes(mended.serial)),
    firstDifference('signature', bytes(captured.signature), bytes(mended.signature)),
    firstDifference('body', body, mended.body),
  ].filter((difference) => difference !== undefined);
}

/** The signature holds; what is inside does not. */
function judgeContent({ capture, failure, apiV3Key, apiV2Key }: AutopsyInput, facts: Facts): readonly Finding[] {
  if (failure.code === 'ANSWER_MISMATCH')
    return [
      {
        cause: 'other_merchant',
        grade: 'proven',
        params: { found: failure.params['found'] ?? '', wanted: failure.params['wanted'] ?? '' },
      },
    ];
  if (failure.code === 'CALLBACK_MALFORMED' || failure.code === 'ANSWER_MALFORMED')
    return [indicated('not_an_envelope')];
  const { reason, algorithm } = failure.params;
  if (reason === 'key:reason.algorithm') return [indicated('algorithm_unsupported', { algorithm: algorithm ?? '' })];
  const resource = findResource(capture.body);
  // Signed as it is, so a nonce or a ciphertext that cannot be right is nothing that a key would mend.
  const undecidable = failure.code === 'DECRYPT_FAILED' && reason !== 'key:reason.gcm_tag';
  if (resource === undefined || apiV3Key === undefined || undecidable) return [];
  const text = Buffer.from(apiV3Key).toString('utf8');
  for (const { damage, key } of keyGuesses(text))
    if (holds(resource, key))
      return [{ cause: `api_v3_key_${damage}`, grade: 'proven', params: { length: apiV3Key.length } }];
  if (apiV2Key !== undefined) {
    if (Buffer.from(apiV2Key).equals(Buffer.from(apiV3Key))) return [indicated('api_v3_key_is_v2')];
    if (holds(resource, apiV2Key)) return [{ cause: 'api_keys_swapped', grade: 'proven', params: {} }];
  }
  // The body is WeChat Pay's to the byte, so only the key can be wrong.
  if (facts.resource === 'no_key') return [indicated('api_v3_key_length', { length: apiV3Key.length })];
  return facts.resource === 'fails' ? [indicated('api_v3_key_wrong')] : [];
}

/** Nothing could be verified: what the evidence points to. */
function clues(
  input: AutopsyInput,
  headers: LooseHeaders,
  signed: Signed | undefined,
  facts: Facts,
): readonly Finding[] {
  const { body } = input.capture;
  const { captured } = headers;
  const missing = (['timestamp', 'nonce', 'serial', 'signature'] as const).filter(
    (role) => (captured[role] ?? '').trim() === '',
  );
  if (missing.length === 4)
    return [
      /^\s*<xml[\s>]/.test(
        body
          .subarray(0, 200)
          .toString('latin1')
          .replace(/^\xef\xbb\xbf/, ''),
      )
        ? indicated('v2_notification')
        : indicated('headers_missing'),
    ];
  const findings: Finding[] = missing.map((role) => indicated('header_missing', { header: headerTitles[role] }));
  if (input.failure.code === 'SIGNATURE_TYPE_UNSUPPORTED' && captured.type !== authorizationScheme)
    findings.push(indicated('type_unsupported', { type: (captured.type ?? '').slice(0, 64) }));
  findings.push(
    ...(signed === undefined ? signatureClues(input, headers, facts) : bodyClues(input, headers, signed, facts)),
  );
  return findings;
}

function signatureClues(
  { capture, keys, merchant, failure }: AutopsyInput,
  { captured, guesses }: LooseHeaders,
  facts: Facts,
): readonly Finding[] {
  const { signature, serial } = captured;
  if (signature === undefined) return lost(capture, facts);
  const found: Finding[] = [];
  if (facts.signature === 'unreadable') {
    const size = modulusBytes(keys[0]?.publicKey ?? merchant?.publicKey ?? noKey) || 256;
    const expected = Math.ceil(size / 3) * 4;
    found.push(
      signature.length < expected - 2
        ? indicated('signature_truncated', { length: signature.length, expected })
        : indicated('signature_unreadable', { length: signature.length, expected }),
    );
    return found;
  }
  const own = keys.find(({ id }) => guesses.serial.some(({ value }) => value === id || sameSerial(value, id)));
  if (own !== undefined && merchant !== undefined && own.publicKey.equals(merchant.publicKey))
    return [indicated('key_merchant', { named: own.id, found: merchant.serial ?? '' })];
  if (
    merchant?.serial !== undefined &&
    serial !== undefined &&
    /^[0-9a-f]+$/i.test(serial) &&
    sameSerial(merchant.serial, serial)
  )
    found.push(indicated('serial_merchant', { named: serial, found: '?' }));
  if (signature.length > 64 && /^[^A-Z]+$|^[^a-z]+$/.test(signature)) return [...found, indicated('signature_case')];
  if (found.length > 0) return found;
  if (failure.code === 'SIGNATURE_SERIAL_UNKNOWN' || own === undefined)
    return [indicated('serial_unknown', { serial: (serial ?? '').slice(0, 128), resource: facts.resource })];
  // A key that is wrong and a signature that was changed look the same; the resource says at least where it came from.
  return facts.resource === 'holds' ? [indicated('signature_changed')] : [];
}

const noKey = { asymmetricKeyDetails: {} } as KeyObject;

/** Key and signature belong together, so the message is not the one that was signed. */
function bodyClues({ capture }: AutopsyInput, headers: LooseHeaders, signed: Signed, facts: Facts): readonly Finding[] {
  const findings: Finding[] = [];
  if (signed.signer.isMerchant) findings.push(indicated('signed_by_merchant', { serial: signed.signer.id }));
  if (capture.bodyIs === 'parsed') findings.push(indicated('capture_parsed'));
  return [...findings, ...lost(capture, facts), ...headerClues(headers)].slice(0, 3);
}

function lost({ body }: AutopsyInput['capture'], facts: Facts): readonly Finding[] {
  const { declaredLength: declared, bodyLength: length } = facts;
  const text = body.toString('latin1');
  const plain = text.slice(0, 64).trim();
  if (plain === '') return [indicated('body_empty')];
  if (body.length <= 64 && /^(?:\{\}|\[\]|null|undefined|\[object \w+\]|".*"|Array|<Buffer.*)$/.test(plain))
    return [indicated('body_lost', { text: plain })];
  if (/^<xml[\s>]/.test(plain)) return [indicated('v2_notification')];
  const found: Finding[] = [];
  if (declared !== undefined && declared !== length)
    found.push(
      indicated(declared > length && !text.trimEnd().endsWith('}') ? 'truncated' : 'body_length', {
        declared,
        length,
        missing: declared - length,
      }),
    );
  else if (plain.startsWith('{') && !text.trimEnd().endsWith('}')) found.push(indicated('truncated', { missing: '?' }));
  if (body.includes('\uFFFD') || /"summary"\s{0,8}:\s{0,8}"[^"]{0,64}\?{2}/.test(text.slice(0, 65_536)))
    found.push(indicated('charset_lost'));
  // Without a signature that a key at hand made, nothing says that anything else was changed.
  if (facts.resource === 'holds') found.push(...(facts.signature === 'intact' ? [indicated('envelope_changed')] : []));
  else if (found.length === 0)
    found.push(facts.signature === 'intact' ? indicated('body_changed') : indicated('message_changed'));
  return found;
}

function headerClues({ captured }: LooseHeaders): readonly Finding[] {
  const { nonce, timestamp } = captured;
  const found: Finding[] = [];
  if (timestamp !== undefined && !/^\d{10}$/.test(timestamp))
    found.push(indicated('timestamp_format', { value: timestamp.slice(0, 40) }));
  if (nonce !== undefined && nonce.length > 16 && nonce.length < 32)
    found.push(indicated('nonce_truncated', { length: nonce.length }));
  return found;
}

const byWriter: Readonly<Record<Writer, readonly Framework[]>> = {
  php: ['laravel', 'thinkphp'],
  python: ['flask', 'django'],
  go: ['gin'],
  java: ['spring'],
  dotnet: [],
  pretty: ['express', 'koa', 'nest', 'fastify', 'next', 'spring'],
  unknown: ['express', 'koa', 'nest', 'fastify', 'next'],
};

/** Damages that keeping the raw body prevents. */
const bodyDamages: ReadonlySet<Cause> = new Set([
  'reserialised',
  'byte_order_mark',
  'line_ends',
  'final_newline',
  'blanks_around',
  'text_around',
  'mojibake',
  'charset',
  'charset_lost',
  'html_entities',
  'percent_encoded',
  'form_parsed',
  'string_literal',
  'bytes_literal',
  'printed_object',
  'base64_body',
  'compressed',
  'padded',
  'body_empty',
  'body_lost',
  'body_length',
  'envelope_changed',
  'body_changed',
  'capture_parsed',
] satisfies readonly Cause[]);

function helpful(
  findings: readonly Finding[],
  headers: LooseHeaders,
  body: Buffer,
  asked: Framework | undefined,
): readonly Framework[] {
  const causes = findings.map(({ cause }) => cause);
  if (!causes.some((cause) => bodyDamages.has(cause))) return [];
  if (asked !== undefined) return [asked];
  if (causes.includes('bytes_literal')) return ['flask', 'django'];
  if (headers.names === 'environment') return ['django', 'laravel', 'thinkphp'];
  if (causes.includes('reserialised') || causes.includes('printed_object')) return byWriter[guessWriter(body)];
  return frameworks;
}
