/** Everything that is checked of an APIv2 call before an endpoint is reached (protocol 11.1 to 11.3). */
import type { Check } from '../checks.ts';
import { demandsCertificate, isOwnCertificate } from '../client-certificate.ts';
import type { RawRequest } from '../gateway.ts';
import type { MerchantSwitches, Switchboard } from '../merchant-switches.ts';
import type { Merchant } from '../merchants.ts';
import type { Reply } from '../reply.ts';
import type { Party } from '../rules/order.ts';
import { refuseCall } from './reply.ts';
import type { Signing } from './reply.ts';
import { signHolds } from './signature.ts';
import type { SignType } from './signature.ts';
import { readXml } from './xml.ts';
import type { XmlFault, XmlFields } from './xml.ts';

/** An authentic call. */
export interface V2Call extends Signing {
  readonly fields: XmlFields;
  readonly party: Party;
  /** In a service provider's call: the sub-merchant that it names. */
  readonly subMchid: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What WeChat Pay has decided about the merchant. */
  readonly switches: MerchantSwitches;
}

interface Door {
  readonly find: (mchid: string) => Merchant | undefined;
  readonly switchboard: Pick<Switchboard, 'of'>;
  readonly randomBytes: (size: number) => Buffer;
  readonly now: number;
}

const xmlFaults: Readonly<Record<XmlFault, string>> = {
  POST_DATA_EMPTY: 'post数据为空',
  NOT_UTF8: '编码格式错误',
  XML_FORMAT_ERROR: 'XML格式错误',
};
const signError = refuseAt('signature', '签名错误，请检查后再试', 'SIGNERROR');

function refuseAt(check: Check, message: string, code: string): Reply {
  return { ...refuseCall(message, code), check };
}

/** @param path without query */
export function openCall(request: RawRequest, path: string, door: Door): V2Call | Reply {
  const { find, switchboard, randomBytes, now } = door;
  if (request.method !== 'POST') return refuseAt('path', '请使用post方法', 'REQUIRE_POST_METHOD');
  const fields = readXml(request.body);
  if (typeof fields === 'string') return refuseAt('xml', xmlFaults[fields], fields);
  const mchid = fields.get('mch_id') ?? '';
  if (mchid === '') return refuseAt('merchant', '缺少参数', 'LACK_PARAMS');
  const merchant = find(mchid);
  if (merchant === undefined) return refuseAt('merchant', '商户号mch_id或sub_mch_id不存在', 'MCHID_NOT_EXIST');
  if (demandsCertificate(path) && !isOwnCertificate(request.clientCertificate, mchid)) {
    return refuseAt('own-certificate', 'certificate not match', 'CERT_ERROR');
  }
  const signType = readSignType(fields.get('sign_type'));
  if (signType === undefined || !signHolds(fields, merchant.apiV2Key, signType)) return signError;
  const nonce = fields.get('nonce_str') ?? '';
  if (nonce === '') return refuseCall('缺少参数', 'LACK_PARAMS');
  if (nonce.length > 32) return refuseCall('nonce_str参数长度有误', 'PARAM_ERROR');
  return {
    fields,
    merchant,
    party: merchant.subMerchants === undefined ? 'direct' : 'partner',
    subMchid: fields.get('sub_mch_id'),
    signType,
    randomBytes,
    now,
    switches: switchboard.of(mchid),
    identity: {
      appid: fields.get('appid'),
      sub_appid: fields.get('sub_appid'),
      sub_mch_id: fields.get('sub_mch_id'),
    },
  };
}

/** MD5 where nothing is said. */
function readSignType(text: string | undefined): SignType | undefined {
  if (text === undefined || text === '' || text === 'MD5') return 'MD5';
  return text === 'HMAC-SHA256' ? text : undefined;
}
