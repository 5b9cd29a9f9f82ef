/** `GET /v3/certificates` (protocol 3, endpoints 8). */
import type { Call, Endpoint } from '../endpoint.ts';
import { readQuery, refuseBody } from '../endpoint.ts';
import { encryptResource } from '../resource.ts';
import type { Mode } from '../platform.ts';
import type { Randomness } from '../randomness.ts';
import { ok, refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { beijingTime } from '../times.ts';

export function certificateEndpoints(mode: () => Mode, nonceFor: Randomness['nonceFor']): Endpoint[] {
  return [{ method: 'GET', path: '/v3/certificates', answer: (call) => listCertificates(call, mode(), nonceFor) }];
}

function listCertificates(call: Call, mode: Mode, nonceFor: Randomness['nonceFor']): Reply {
  const query = readQuery(call.query, {
    algorithm_type: { type: 'string', title: '算法类型', max: 32, values: ['RSA', 'SM2', 'ALL'] },
  });
  if ('status' in query) return query;
  const refusal = refuseBody(call.request);
  if (refusal !== undefined) return refusal;
  if (mode === 'public-key') {
    const message = '无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。';
    return refuse(404, 'RESOURCE_NOT_EXISTS', message, 268435461);
  }
  if (query.values['algorithm_type'] === 'SM2') {
    return refuse(403, 'NO_AUTH', '商户号未开通国密算法', 268448010);
  }
  return ok({
    data: call.platform.certificates.map((certificate) => ({
      effective_time: beijingTime(certificate.effectiveAt),
      encrypt_certificate: encryptResource(
        certificate.pem,
        'certificate',
        call.merchant.apiV3Key,
        nonceFor(certificate.pem),
      ),
      expire_time: beijingTime(certificate.expiresAt),
      serial_no: certificate.id,
    })),
  });
}
