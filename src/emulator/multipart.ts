/** The emulator's own reader of uploads: the two parts `meta` and `file` (endpoints 13). */

export interface Part {
  readonly name: string;
  readonly filename?: string;
  readonly body: Buffer;
}

/** The boundary that a Content-Type names; `undefined` for anything but an upload's. */
export function boundaryOf(type = ''): string | undefined {
  const match = /^multipart\/form-data\s*;\s*boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))\s*$/i.exec(type);
  return match?.[1] ?? match?.[2];
}

/** At most eight parts; `undefined` for bytes that are no multipart document. */
export function readParts(body: Buffer, boundary: string): readonly Part[] | undefined {
  const mark = Buffer.from(`--${boundary}`);
  if (!body.subarray(0, mark.length).equals(mark)) return undefined;
  const parts: Part[] = [];
  let at = mark.length;
  for (;;) {
    const tail = body.subarray(at, at + 2).toString('latin1');
    if (tail === '--') return parts;
    if (tail !== '\r\n' || parts.length === 8) return undefined;
    const end = body.indexOf(`\r\n--${boundary}`, at, 'latin1');
    const headEnd = body.indexOf('\r\n\r\n', at);
    if (end < 0 || headEnd < 0 || headEnd > end) return undefined;
    const head = body.subarray(at, headEnd).toString('utf8');
    const name = /^content-disposition:\s*form-data;.*?\bname="([^"\r\n]*)"/im.exec(head)?.[1];
    const filename = /^content-disposition:.*?\bfilename="([^"\r\n]*)"/im.exec(head)?.[1];
    if (name === undefined) return undefined;
    parts.push({ name, ...(filename === undefined ? {} : { filename }), body: body.subarray(headEnd + 4, end) });
    at = end + 2 + mark.length;
  }
}

/** What of a body is signed: of an upload the `meta` alone, of everything else the whole (protocol 1.1). */
export function signedPart(type: string | undefined, body: Buffer): Buffer {
  const boundary = boundaryOf(type);
  if (boundary === undefined) return body;
  return readParts(body, boundary)?.find(({ name }) => name === 'meta')?.body ?? body;
}
