/**
 * `POST /v3/merchant/media/upload` and `video_upload`: a file is taken if its hash and kind are right (endpoints 13). It is not
 * kept: nothing that is modelled asks for it again. What is said of a bad file is in our words.
 */
import { createHash } from 'node:crypto';
import type { Call, Endpoint } from '../endpoint.ts';
import { readQuery } from '../endpoint.ts';
import { headerOf } from '../gateway.ts';
import { isObject, parseJson } from '../json.ts';
import { boundaryOf, readParts } from '../multipart.ts';
import { ok, paramError, refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';

interface Kind {
  readonly extensions: RegExp;
  readonly maxBytes: number;
}

const mebibyte = 1024 * 1024;
const kinds: Readonly<Record<string, Kind>> = {
  '/v3/merchant/media/upload': { extensions: /\.(?:jpe?g|bmp|png)$/i, maxBytes: 5 * mebibyte },
  '/v3/merchant/media/video_upload': {
    extensions: /\.(?:avi|wmv|mpeg|mp4|mov|mkv|flv|f4v|m4v|rmvb)$/i,
    maxBytes: 5 * mebibyte,
  },
};

export function mediaEndpoints(): Endpoint[] {
  return Object.entries(kinds).map(([path, kind]) => ({
    method: 'POST',
    path,
    answer: (call) => upload(call, kind),
  }));
}

function upload({ request, query, randomBytes }: Call, { extensions, maxBytes }: Kind): Reply {
  const boundary = boundaryOf(headerOf(request, 'content-type'));
  if (boundary === undefined) return refuse(400, 'PARAM_ERROR', 'Http头Content-Type应为multipart/form-data', 268435461);
  const unknown = readQuery(query, {});
  if ('status' in unknown) return unknown;
  const parts = readParts(request.body, boundary) ?? [];
  const file = parts.find(({ name }) => name === 'file');
  const meta = parseJson(parts.find(({ name }) => name === 'meta')?.body.toString('utf8') ?? '');
  if (!isObject(meta)) return paramError('meta不是合法的Json对象', 'body', '');
  if (file === undefined || file.body.length === 0) return paramError('缺少文件', 'body', '');
  const [filename, sha256] = [meta.get('filename'), meta.get('sha256')];
  if (typeof filename !== 'string' || filename !== file.filename)
    return paramError('meta中的filename与文件名不一致', 'body', filename ?? '');
  if (!extensions.test(filename)) return paramError('不支持的文件类型', 'body', filename);
  if (file.body.length > maxBytes) return paramError('文件大小超过限制', 'body', String(file.body.length));
  const hash = createHash('sha256').update(file.body).digest('hex');
  if (typeof sha256 !== 'string' || sha256.toLowerCase() !== hash)
    return paramError('meta中的sha256与文件内容不一致', 'body', sha256 ?? '');
  return ok({ media_id: randomBytes(78).toString('base64url') });
}
