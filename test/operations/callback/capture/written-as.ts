/** One callback in the words of everything that writes callbacks down. */
import type { Made } from '../staged-callback.ts';

export type Writer = (made: Made) => Buffer;

const list = (made: Made): readonly (readonly [string, string])[] => Object.entries(made.headers);
const lower = (made: Made): Record<string, string> =>
  Object.fromEntries(list(made).map(([name, value]) => [name.toLowerCase(), value]));
const lists = (made: Made): Record<string, string[]> =>
  Object.fromEntries(list(made).map(([name, value]) => [name, [value]]));
const named = (made: Made): object[] => list(made).map(([name, value]) => ({ name, value }));
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const cgi = (made: Made): Record<string, string> =>
  Object.fromEntries(list(made).map(([name, value]) => [`HTTP_${name.toUpperCase().replaceAll('-', '_')}`, value]));
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const lines = (made: Made, between = ': '): string =>
  list(made)
    .map(([name, value]) => `${name}${between}${value}`)
    .join('\n');
const single = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
/** As Chrome's "Copy as cURL (cmd)" does it. */
const caret = (text: string): string =>
  `^"${text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll(/[^a-zA-Z0-9\s_\-:=+~'/.',?;()*`\u0080-\uffff]/g, '^$&')
    .replaceAll(/%(?=[a-zA-Z0-9_])/g, '%^')}^"`;
const ticked = (text: string): string =>
  `"${text.replaceAll(/[`"$]/g, '`$&').replaceAll(/[^\x20-\x7e]/g, (char) => `$([char]${char.charCodeAt(0)})`)}"`;
/** nginx without escape=json. */
const nginx = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c
        ? `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');
const utf16 = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le');
const http = (made: Made, end = '\r\n', first = 'POST /notify HTTP/1.1'): string =>
  [first, ...list(made).map(([name, value]) => `${name}: ${value}`), '', made.body].join(end);
const chunked = ({ body }: Made): string => {
  const bytes = Buffer.from(body);
  const parts = [bytes.subarray(0, 10), bytes.subarray(10, 300), bytes.subarray(300)].map((part) =>
    Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]),
  );
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]).toString();
};

/** The body's bytes survive, as bytes or as text. */
export const writers: Readonly<Record<string, Writer>> = {
  'raw HTTP': (made) => Buffer.from(http(made)),
  'raw HTTP with LF': (made) => Buffer.from(http(made, '\n')),
  'raw HTTP behind a byte order mark': (made) => Buffer.from(`\uFEFF${http(made)}`),
  'raw HTTP without its request line': (made) => Buffer.from(`${lines(made)}\n\n${made.body}`),
  'raw HTTP with pseudo headers': (made) =>
    Buffer.from(
      `:method: POST\n:path: /notify\n:scheme: https\n${lines({ ...made, headers: lower(made) })}\n\n${made.body}`,
    ),
  'raw HTTP in chunks': (made) =>
    Buffer.from(http({ headers: { ...made.headers, 'Transfer-Encoding': 'chunked' }, body: chunked(made) })),
  'raw HTTP, put together from chunks': (made) =>
    Buffer.from(http({ ...made, headers: { ...made.headers, 'Transfer-Encoding': 'chunked' } })),
  'raw HTTP with a length and an editor behind it': (made) =>
    Buffer.from(
      `${http({ ...made, headers: { ...made.headers, 'Content-Length': String(Buffer.byteLength(made.body)) } })}\n`,
    ),
  'raw HTTP in UTF-16': (made) => utf16(http(made)),
  'curl -v': (made) =>
    Buffer.from(
      `* Connected to localhost\n> POST /notify HTTP/1.1\n${lines(made).replaceAll(/^/gm, '> ')}\n> \n* upload completely sent\n${made.body}\n* Connection #0 left intact\n`,
    ),
  'lines of a quotation': (made) => Buffer.from(http(made, '\n').replaceAll(/^/gm, '> ')),
  'indented lines': (made) => Buffer.from(http(made, '\n').replaceAll(/^/gm, '    ')),
  'a table of developer tools': (made) => Buffer.from(`${lines(made, '\t')}\n\n${made.body}\n`),
  'names and values on lines of their own': (made) =>
    Buffer.from(`Request Headers\n${lines(made, ':\n')}\n\n${made.body}\n`),
  'headers and body without a line between them': (made) => Buffer.from(`${lines(made)}\n${made.body}\n`),
  'a body before its headers': (made) => Buffer.from(`body: ${made.body}\n\n${lines(made)}\n`),
  'a labelled body': (made) => Buffer.from(`Headers:\n${lines(made)}\n\nRequest body:\n${made.body}\n`),
  'a fenced block': (made) => Buffer.from(`\`\`\`http\n${http(made, '\n')}\n\`\`\`\n`),
  'a PHP array': (made) =>
    Buffer.from(
      `${list(made)
        .map(([name, value]) => `  '${name}' => '${value}',`)
        .join('\n')}\n\n${made.body}`,
    ),
  'a paste in UTF-16': (made) => utf16(`${lines(made, '\t')}\r\n\r\n${made.body}\r\n`),
  'curl for bash': (made) =>
    Buffer.from(
      `curl 'https://x/notify' \\\n${list(made)
        .map(([name, value]) => `  -H ${single(`${name}: ${value}`)}`)
        .join(' \\\n')} \\\n  --data-raw ${single(made.body)} \\\n  --compressed`,
    ),
  'curl with ANSI quotes': (made) =>
    Buffer.from(
      `$ curl -sS -X POST https://x/notify ${list(made)
        .map(([name, value]) => `-H "${name}: ${value}"`)
        .join(
          ' ',
        )} -d $'${made.body.replaceAll('\\', '\\\\').replaceAll(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}'\n`,
    ),
  'curl with bytes in ANSI quotes': (made) =>
    Buffer.from(
      `curl https://x/notify ${list(made)
        .map(([name, value]) => `-H"${name}: ${value}"`)
        .join(
          ' ',
        )} --data-binary $'${[...Buffer.from(made.body)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}'`,
    ),
  'curl with double quotes': (made) =>
    Buffer.from(
      `curl --data-binary ${JSON.stringify(made.body)} ${list(made)
        .map(([name, value]) => `--header "${name}: ${value}"`)
        .join(' \\\r\n')} https://x`,
    ),
  'curl for cmd.exe': (made) =>
    Buffer.from(
      `curl ^"https://x/notify^" ^\r\n${list(made)
        .map(([name, value]) => `  -H ${caret(`${name}: ${value}`)}`)
        .join(' ^\r\n')} ^\r\n  --data-raw ${caret(made.body)}`,
    ),
  'curl for cmd.exe, as it was once': (made) =>
    Buffer.from(
      `curl "https://x/notify" ^\r\n${list(made)
        .map(([name, value]) => `  -H "${name}: ${value}"`)
        .join(' ^\r\n')} ^\r\n  --data-raw "${made.body.replaceAll('"', '\\"')}"`,
    ),
  'curl in PowerShell': (made) =>
    Buffer.from(
      `PS C:\\app> curl.exe https://x/notify \`\r\n${list(made)
        .map(([name, value]) => `  -H "${name}: ${value}"`)
        .join(' `\r\n')} \`\r\n  --data-raw '${made.body}'`,
    ),
  'Invoke-WebRequest': (made) =>
    Buffer.from(
      `$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession\r\n$session.UserAgent = "Mozilla/4.0"\r\nInvoke-WebRequest -UseBasicParsing -Uri "https://x/notify" \`\r\n-Method "POST" \`\r\n-WebSession $session \`\r\n-Headers @{\r\n${list(
        made,
      )
        .map(([name, value]) => `  "${name}"=${ticked(value)}`)
        .join(
          '\r\n',
        )}\r\n} \`\r\n-ContentType "application/json" \`\r\n-Body ([System.Text.Encoding]::UTF8.GetBytes(${ticked(made.body)}))`,
    ),
  HAR: (made) =>
    json({
      log: {
        version: '1.2',
        entries: [
          {
            request: { method: 'GET', url: 'https://x/', headers: [{ name: 'Host', value: 'x' }] },
            response: { headers: named(made), content: { text: made.body } },
          },
          {
            request: {
              method: 'POST',
              url: 'https://x/notify',
              headers: [{ name: ':method', value: 'POST' }, ...named(made)],
              postData: { mimeType: 'application/json', text: made.body },
            },
            response: { headers: [], content: {} },
          },
        ],
      },
    }),
  'HAR with base64': (made) =>
    json({
      log: {
        entries: [{ request: { headers: named(made), postData: { text: base64(made.body), encoding: 'base64' } } }],
      },
    }),
  'AWS API Gateway': (made) =>
    json({
      httpMethod: 'POST',
      headers: made.headers,
      multiValueHeaders: lists(made),
      body: made.body,
      isBase64Encoded: false,
    }),
  'AWS API Gateway, version 2': (made) =>
    json({ version: '2.0', rawPath: '/n', headers: lower(made), body: base64(made.body), isBase64Encoded: true }),
  CloudFront: (made) =>
    json({
      Records: [
        {
          cf: {
            request: {
              method: 'POST',
              headers: Object.fromEntries(list(made).map(([key, value]) => [key.toLowerCase(), [{ key, value }]])),
              body: { encoding: 'base64', data: base64(made.body), inputTruncated: false },
            },
          },
        },
      ],
    }),
  'Aliyun FC': (made) =>
    json({
      version: 'v1',
      rawPath: '/notify',
      headers: made.headers,
      body: made.body,
      isBase64Encoded: false,
      requestContext: { http: { method: 'POST' } },
    }),
  'Tencent SCF': (made) =>
    json({ httpMethod: 'POST', headers: lower(made), headerParameters: {}, body: made.body, isBase64Encoded: false }),
  mitmproxy: (made) =>
    json([
      {
        type: 'http',
        request: { method: 'POST', headers: list(made), content: made.body },
        response: { headers: [['wechatpay-nonce', '1']], content: '' },
      },
    ]),
  ngrok: (made) =>
    json({ requests: [{ id: '1', request: { method: 'POST', headers: lists(made), raw: base64(http(made)) } }] }),
  'webhook.site': (made) =>
    json({
      data: [
        {
          uuid: '1',
          type: 'web',
          method: 'POST',
          content: made.body,
          headers: lists({ ...made, headers: lower(made) }),
          query: null,
        },
      ],
      total: 1,
    }),
  Charles: (made) =>
    json([
      {
        method: 'POST',
        request: {
          header: { firstLine: 'POST /notify HTTP/1.1', headers: named(made) },
          body: { text: made.body, charset: 'UTF-8' },
        },
        response: { header: { headers: [] } },
      },
    ]),
  Postman: (made) =>
    json({
      info: {},
      item: [
        {
          request: {
            method: 'POST',
            header: list(made).map(([key, value]) => ({ key, value })),
            body: { mode: 'raw', raw: made.body },
          },
        },
      ],
    }),
  'rawHeaders and rawBody': (made) =>
    json({ rawHeaders: list(made).flat(), body: JSON.parse(made.body) as unknown, rawBody: made.body }),
  'a Buffer': (made) => json({ headers: lower(made), body: Buffer.from(made.body) }),
  'bytes as Java has them': (made) => json({ headers: lower(made), body: [...new Int8Array(Buffer.from(made.body))] }),
  'base64 without a word': (made) => json({ headers: lower(made), body: base64(made.body) }),
  'header lines in a member': (made) => json({ headers: lines(made), body: made.body }),
  'a list of header lines': (made) => json({ headers: lines(made).split('\n'), body: made.body }),
  'a list of single headers': (made) =>
    json({ headers: list(made).map(([name, value]) => ({ [name]: value })), body: made.body }),
  pino: (made) =>
    json({ level: 30, time: 1, req: { method: 'POST', url: '/n', headers: lower(made) }, body: made.body, msg: 'x' }),
  WSGI: (made) => json({ environ: { REQUEST_METHOD: 'POST', ...cgi(made) }, body: made.body }),
  PHP: (made) => json({ server: { REQUEST_METHOD: 'POST', ...cgi(made) }, input: made.body }),
  'nginx with escape=json': (made) =>
    json({
      time: 1,
      request_body: made.body,
      ...Object.fromEntries(Object.entries(cgi(made)).map(([name, value]) => [name.toLowerCase(), value])),
    }),
  docker: (made) => json({ log: `${JSON.stringify({ headers: made.headers, body: made.body })}\n`, stream: 'stdout' }),
  'a message in a member': (made) => json({ message: http(made), level: 'info' }),
  RequestParam: (made) =>
    json({
      serialNumber: made.headers['Wechatpay-Serial'],
      nonce: made.headers['Wechatpay-Nonce'],
      timestamp: Number(made.headers['Wechatpay-Timestamp']),
      signature: made.headers['Wechatpay-Signature'],
      signType: 'WECHATPAY2-SHA256-RSA2048',
      body: made.body,
    }),
  'pretty JSON in UTF-16': (made) => utf16(JSON.stringify({ headers: made.headers, body: made.body }, null, 2)),
  'an array of one': (made) => json([{ headers: made.headers, body: made.body }]),
  'an object whose serialisation is the body': (made) =>
    json({ headers: made.headers, body: JSON.parse(made.body) as unknown }),
  'a line of NDJSON among others': (made) =>
    Buffer.from(
      `{"level":"info","msg":"up"}\n${JSON.stringify({ headers: made.headers, body: made.body })}\n{"level":"info","msg":"down"}\n`,
    ),
  'a line of docker compose': (made) =>
    Buffer.from(`app-1  | listening\napp-1  | ${JSON.stringify({ headers: made.headers, body: made.body })}\n`),
  'a log of nginx without escape=json': (made) =>
    Buffer.from(
      `{"t":"1"}\n{"body":"${nginx(made.body)}",${Object.entries(cgi(made))
        .map(([name, value]) => `"${name.toLowerCase()}":"${nginx(value)}"`)
        .join(',')}}\n`,
    ),
};
