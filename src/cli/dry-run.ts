/** `--dry-run`: the exact signed request as a curl command, with the signature redacted. Nothing is sent, no connection is made. */
import type { ApiRequest } from '../core/ports.ts';
import { createRedactor, redactHeader } from '../core/http/redact.ts';
import { prepareRequest } from '../core/http/signed.ts';
import { requestMessage } from '../core/wire/message.ts';
import { shellQuote } from '../output/shell.ts';
import type { Result } from '../output/view.ts';
import type { Runtime } from './command.ts';
import { baseUrlOf } from '../profiles/base-url.ts';

export interface DryRunDetails {
  /** `https://host`, where it is not the profile's. */
  readonly origin?: string;
  /** How curl makes the body of an upload; shown instead of its bytes. */
  readonly form?: readonly string[];
}

export async function dryRun(runtime: Runtime, request: ApiRequest, details: DryRunDetails = {}): Promise<Result> {
  const signer = await runtime.signer();
  const profile = await runtime.profile();
  // One moment and one nonce, for the request and for the message that is shown.
  const now = runtime.clock.now();
  const nonce = runtime.nonce();
  // The signature is made, so that a key that cannot sign is found now; it is not shown, since it would be valid for five minutes.
  const prepared = await prepareRequest(request, {
    signer,
    clock: { now: () => now },
    nonce: () => nonce,
    keyRing: await runtime.keyRing(),
    userAgent: '',
    acceptLanguage: runtime.globals.lang,
  });
  const message = requestMessage({
    method: request.method,
    target: request.target,
    timestamp: String(Math.floor(now / 1000)),
    nonce,
    body: request.signedBody ?? request.body,
  });
  const headers = Object.entries(prepared.headers ?? {})
    // curl brings its own, and WeChat Pay only wants that there is one (protocol 1.6).
    .filter(([name]) => name !== 'user-agent')
    // The boundary is curl's own.
    .filter(([name]) => details.form === undefined || name !== 'content-type')
    .map(([name, value]) => [name, redactHeader(name, value, (text) => text)] as const);
  const url = (details.origin ?? baseUrlOf(profile)) + request.target;
  const redact = createRedactor(request.secrets ?? []);
  const body = redact(Buffer.from(request.signedBody ?? request.body).toString('utf8'));
  const words = ['curl', '-X', request.method, url, ...headers.flatMap(([name, value]) => ['-H', `${name}: ${value}`])];
  if (details.form !== undefined) words.push(...details.form);
  else if (body !== '') words.push('--data-binary', body);
  runtime.note('cli.dry_run.note');
  return {
    data: {
      dry_run: true,
      method: request.method,
      url,
      headers: Object.fromEntries(headers),
      body: body === '' ? null : (JSON.parse(body) as unknown),
      sign_message: redact(message.toString('utf8')),
    },
    view: [{ kind: 'verbatim', text: words.map(shellQuote).join(' ') }],
  };
}
