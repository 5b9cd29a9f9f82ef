/** `--dry-run`: the exact signed request as a curl command, with the signature redacted. Nothing is sent, no connection is made. */
import type { ApiRequest } from '../core/ports.ts';
import { buildAuthorization } from '../core/wire/authorization.ts';
import { requestMessage } from '../core/wire/message.ts';
import { shellQuote } from '../output/shell.ts';
import type { Result } from '../output/view.ts';
import type { Runtime } from './command.ts';
import { baseUrlOf } from './runtime.ts';

export async function dryRun(runtime: Runtime, request: ApiRequest): Promise<Result> {
  const signer = await runtime.signer();
  const profile = await runtime.profile();
  const timestamp = String(Math.floor(runtime.clock.now() / 1000));
  const nonce = runtime.nonce();
  const message = requestMessage({
    method: request.method,
    target: request.target,
    timestamp,
    nonce,
    body: request.signedBody ?? request.body,
  });
  // The signature is made, so that a key that cannot sign is found now; it is not shown, since it would be valid for five minutes.
  signer.sign(message);
  const authorization = buildAuthorization({
    mchid: signer.mchid,
    serialNo: signer.serialNo,
    nonce,
    timestamp,
    signature: '[redacted]',
  });
  const url = baseUrlOf(profile) + request.target;
  const body = Buffer.from(request.body).toString('utf8');
  const words = [
    'curl',
    '-X',
    request.method,
    url,
    '-H',
    `Authorization: ${authorization}`,
    '-H',
    'Accept: application/json',
  ];
  if (body !== '') words.push('-H', 'Content-Type: application/json', '--data-raw', body);
  runtime.note('cli.dry_run.note');
  return {
    data: {
      dry_run: true,
      method: request.method,
      url,
      body: body === '' ? null : (JSON.parse(body) as unknown),
      authorization,
      sign_message: message.toString('utf8'),
    },
    view: [{ kind: 'verbatim', text: words.map(shellQuote).join(' ') }],
  };
}
