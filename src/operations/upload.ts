/** Uploads of files: multipart bodies whose signature covers the `meta` document alone (protocol 1.1, endpoints 13). */
import { createHash } from 'node:crypto';
import { WxpayError } from '../core/errors.ts';
import { isObject } from './fields.ts';
import { parseJson } from '../core/wire/json.ts';

const mebibyte = 1024 * 1024;
const images = { jpg: 'image/jpeg', jpeg: 'image/jpeg', bmp: 'image/bmp', png: 'image/png' } as const;
const videos = {
  avi: 'video/x-msvideo',
  wmv: 'video/x-ms-wmv',
  mpeg: 'video/mpeg',
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  mkv: 'video/x-matroska',
  flv: 'video/x-flv',
  f4v: 'video/mp4',
  m4v: 'video/x-m4v',
  rmvb: 'application/vnd.rn-realmedia-vbr',
} as const;
const types: Readonly<Record<string, string>> = { ...images, ...videos, pdf: 'application/pdf' };

interface Limit {
  readonly maxBytes: number;
  readonly extensions?: readonly string[];
}

/** Documented limits (endpoints 13); what is not listed is WeChat Pay's to judge. */
const limits: Readonly<Record<string, Limit>> = {
  '/v3/merchant/media/upload': { maxBytes: 5 * mebibyte, extensions: [...Object.keys(images), 'pdf'] },
  '/v3/merchant/media/video_upload': { maxBytes: 5 * mebibyte, extensions: Object.keys(videos) },
  '/v3/merchant-service/images/upload': { maxBytes: 2 * mebibyte, extensions: Object.keys(images) },
  '/v3/marketing/favor/media/image-upload': { maxBytes: 2 * mebibyte, extensions: Object.keys(images) },
};
/** For endpoints without a documented limit: nothing that is uploaded there is larger. */
export const largestUpload = 10 * mebibyte;
const largestPdf = 7.5 * mebibyte;

export interface UploadFile {
  /** Without folders. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Upload {
  readonly body: Uint8Array;
  /** What is signed instead of the body. */
  readonly meta: Buffer;
  readonly contentType: string;
  /** Of the file itself. */
  readonly fileType: string;
  readonly sha256: string;
}

/**
 * Builds the body: a part `meta` (`filename` and `sha256` by default), then a part `file`.
 *
 * @param path of the endpoint, without a query
 * @param meta the document as given, byte for byte, or more members for the default one
 * @param boundary letters and digits that do not stand in the file
 * @throws `INPUT_INVALID` for a kind of file or a size that the endpoint does not take, and for a name that a header cannot carry
 */
export function buildUpload(
  path: string,
  file: UploadFile,
  meta: Uint8Array | Readonly<Record<string, unknown>>,
  boundary: string,
): Upload {
  const extension = /\.([A-Za-z0-9]+)$/.exec(file.name)?.[1]?.toLowerCase() ?? '';
  checkFile(path, file, extension);
  const sha256 = createHash('sha256').update(file.bytes).digest('hex');
  const fileType = types[extension] ?? 'application/octet-stream';
  const document =
    meta instanceof Uint8Array
      ? Buffer.from(meta)
      : Buffer.from(JSON.stringify({ filename: file.name, sha256, ...meta }));
  const name = filenameOf(document) ?? file.name;
  if (name === '' || /["\\\u0000-\u001f\u007f]|\p{Surrogate}/u.test(name))
    throw invalid(name === '' ? '""' : name, 'api_file_name');
  const head = [
    `--${boundary}`,
    'Content-Disposition: form-data; name="meta"',
    'Content-Type: application/json',
    '',
    '',
  ].join('\r\n');
  const between = [
    '',
    `--${boundary}`,
    `Content-Disposition: form-data; name="file"; filename="${name}"`,
    `Content-Type: ${fileType}`,
    '',
    '',
  ].join('\r\n');
  const body = Buffer.concat([
    Buffer.from(head),
    document,
    Buffer.from(between),
    file.bytes,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  return { body, meta: document, contentType: `multipart/form-data; boundary=${boundary}`, fileType, sha256 };
}

function checkFile(path: string, { name, bytes }: UploadFile, extension: string): void {
  const limit = Object.hasOwn(limits, path) ? limits[path] : undefined;
  const extensions = limit?.extensions;
  if (extensions !== undefined && !extensions.includes(extension))
    throw invalid(name, 'api_file_kind', { kinds: extensions.join(', ') });
  const max = extension === 'pdf' && limit !== undefined ? largestPdf : (limit?.maxBytes ?? largestUpload);
  if (bytes.length === 0) throw invalid(name, 'json_empty');
  if (bytes.length > max) throw invalid(name, 'api_file_size', { bytes: bytes.length, max });
}

/** Both parts must name the file alike. */
function filenameOf(meta: Buffer): string | undefined {
  const value = parseJson(meta, { anyNumber: true });
  const name = isObject(value) ? value['filename'] : undefined;
  return typeof name === 'string' ? name : undefined;
}

function invalid(field: string, reason: string, params: Readonly<Record<string, string | number>> = {}): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { ...params, field: field.slice(0, 200), reason: `key:reason.${reason}` },
    outcome: 'not_sent',
  });
}
