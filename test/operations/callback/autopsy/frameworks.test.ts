/** Real frameworks do the damage: what an app on them would have logged is what the autopsy gets. */
import { createServer, request, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { createGzip, gunzipSync } from 'node:zlib';
import express, { type Request } from 'express';
import Fastify from 'fastify';
import Koa from 'koa';
import koaBodyParser from 'koa-bodyparser';
import { afterEach, describe, expect, test } from 'vitest';
import type { Cause } from '../../../../src/operations/callback/autopsy/findings.ts';
import { judge, oracle, send, type Damaged, type Judgement, type Sent } from './stage.ts';

/** What an app has kept of a request. */
type Kept = { readonly headers: IncomingHttpHeaders; readonly body: string | Buffer };
type Keep = (kept: Kept) => void;

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Sends the callback as WeChat Pay does and takes what the app kept. */
async function through(
  make: (keep: Keep) => Promise<RequestListener> | RequestListener,
  sent: Sent,
): Promise<Judgement> {
  let kept: Kept | undefined;
  const port = await serve(await make((one) => (kept = one)));
  await deliver(port, sent);
  if (kept === undefined) throw new Error('the app kept nothing');
  return judge(asCapture(kept));
}

function asCapture({ headers, body }: Kept): Damaged {
  const names = Object.entries(headers).filter(([name]) => /^(?:wechatpay-|content-)/.test(name));
  return { headers: Object.fromEntries(names), body };
}

function deliver(port: number, { headers, body }: Sent, path = '/notify'): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, method: 'POST', path, headers: { ...headers }, timeout: 5_000 },
      (answer) => {
        answer.resume();
        answer.once('end', () => resolve(answer.statusCode ?? 0));
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** An Express app with this body parser; `log` is what the developer writes down. */
const onExpress =
  (parser: ReturnType<typeof express.json> | undefined, log: (body: unknown, req: Request) => string | Buffer) =>
  (keep: Keep): RequestListener => {
    const app = express();
    if (parser !== undefined) app.use(parser);
    app.post('/notify', (req, res) => {
      keep({ headers: req.headers, body: log(req.body, req) });
      res.status(204).end();
    });
    return app;
  };

const everything = (): boolean => true;
/** As a service that does not write like JavaScript. */
const pretty = (): Sent => send({ write: (envelope) => JSON.stringify(envelope, null, 2) });
const inAscii = (): Sent =>
  send({
    write: (envelope) =>
      JSON.stringify(envelope)
        .replaceAll('/', String.raw`\/`)
        .replaceAll(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  });

describe('Express', () => {
  test.each<[string, (keep: Keep) => RequestListener, Sent, Cause]>([
    [
      'express.json(), then JSON.stringify',
      onExpress(express.json(), (body) => JSON.stringify(body)),
      pretty(),
      'reserialised',
    ],
    [
      'express.json(), then JSON.stringify, of escaped JSON',
      onExpress(express.json(), (body) => JSON.stringify(body)),
      inAscii(),
      'reserialised',
    ],
    [
      'express.json(), logged with an indent',
      onExpress(express.json(), (body) => JSON.stringify(body, null, 2)),
      send(),
      'reserialised',
    ],
    [
      'express.json(), printed by console.log',
      onExpress(express.json(), (body) => inspect(body, { depth: 4 })),
      send(),
      'printed_object',
    ],
    ['express.json(), put into a string', onExpress(express.json(), (body) => String(body)), send(), 'body_lost'],
    [
      'express.urlencoded() for every type',
      onExpress(express.urlencoded({ extended: true, type: everything }), (body) => JSON.stringify(body)),
      send(),
      'form_parsed',
    ],
    [
      'express.urlencoded() without qs',
      onExpress(express.urlencoded({ extended: false, type: everything }), (body) => JSON.stringify(body)),
      send(),
      'form_parsed',
    ],
    [
      'express.text() in latin1',
      onExpress(express.text({ type: everything, defaultCharset: 'latin1' }), (body) => String(body)),
      send(),
      'mojibake',
    ],
    [
      'express.text() in gbk',
      onExpress(express.text({ type: everything, defaultCharset: 'gbk' }), (body) => String(body)),
      send(),
      'mojibake',
    ],
    [
      'express.text(), trimmed',
      onExpress(express.text({ type: everything }), (body) => String(body).trim()),
      send({ write: (envelope) => `${JSON.stringify(envelope)}\n` }),
      'final_newline',
    ],
    [
      'express.text(), logged as a string',
      onExpress(express.text({ type: everything }), (body) => JSON.stringify(body)),
      send(),
      'string_literal',
    ],
    [
      'express.raw(), a Buffer in JSON',
      onExpress(express.raw({ type: everything }), (body) => (body as Buffer).toString('base64')),
      send(),
      'base64_body',
    ],
    ['no parser at all', onExpress(undefined, (body) => String(body)), send(), 'body_lost'],
    [
      'a parser for another type',
      onExpress(express.json({ type: 'text/json' }), (body) => JSON.stringify(body ?? {})),
      send(),
      'body_lost',
    ],
  ])('%s', async (_what, app, sent, cause) => {
    const { report, autopsy } = await through(app, sent);
    expect(report.verdict).toBe('invalid');
    expect(autopsy?.findings.map((finding) => finding.cause)).toContain(cause);
    expect(autopsy?.grade).toBe(cause === 'body_lost' ? 'indicated' : 'proven');
    if (autopsy?.mended !== undefined) {
      expect(autopsy.mended.body.equals(sent.body)).toBe(true);
      expect(oracle(autopsy.mended)).toBe(true);
    }
  });

  test('a stream that a parser has read before gives an empty body', async () => {
    const { autopsy } = await through((keep) => {
      const app = express();
      app.use(express.json());
      app.post('/notify', (req, res) => {
        let text = '';
        req.on('data', (chunk: Buffer) => (text += chunk.toString()));
        setImmediate(() => {
          keep({ headers: req.headers, body: text });
          res.end();
        });
      });
      return app;
    }, send());
    expect(autopsy).toMatchObject({ grade: 'indicated', findings: [{ cause: 'body_empty' }] });
  });

  test.each<[string, (keep: Keep) => RequestListener]>([
    [
      'express.raw(), as the recipe has it',
      onExpress(express.raw({ type: everything, limit: '2mb' }), (body) => body as Buffer),
    ],
    [
      'express.json() with verify, as the recipe has it',
      onExpress(
        express.json({ verify: (req, _res, raw) => Object.assign(req, { rawBody: raw }) }),
        (_body, req) => (req as Request & { rawBody: Buffer }).rawBody,
      ),
    ],
    [
      'express.json() and JSON.stringify, where the sender writes the same way',
      onExpress(express.json(), (body) => JSON.stringify(body)),
    ],
  ])('%s does no damage', async (_what, app) => {
    expect((await through(app, send())).report.verdict).toBe('valid');
  });
});

describe('Koa', () => {
  const onKoa =
    (log: (ctx: Koa.Context) => string) =>
    (keep: Keep): RequestListener => {
      const app = new Koa();
      app.use(koaBodyParser());
      app.use((ctx) => {
        keep({ headers: ctx.headers, body: log(ctx) });
        ctx.status = 204;
      });
      const listener = app.callback();
      return (incoming, outgoing) => void listener(incoming, outgoing);
    };
  test('koa-bodyparser, then JSON.stringify', async () => {
    const { report, autopsy } = await through(
      onKoa((ctx) => JSON.stringify(ctx.request.body)),
      inAscii(),
    );
    expect(report.verdict).toBe('invalid');
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'reserialised' }] });
  });

  test('rawBody, as the recipe has it, does no damage', async () => {
    for (const sent of [send(), pretty(), inAscii()])
      expect(
        (
          await through(
            onKoa((ctx) => (ctx.request as { rawBody: string }).rawBody),
            sent,
          )
        ).report.verdict,
      ).toBe('valid');
  });
});

describe('Fastify', () => {
  const onFastify =
    (log: (body: unknown) => string | Buffer, raw: boolean) =>
    async (keep: Keep): Promise<RequestListener> => {
      const app = Fastify();
      if (raw) {
        app.removeAllContentTypeParsers();
        app.addContentTypeParser('*', { parseAs: 'buffer' }, (_req, body, done) => done(null, body));
      }
      app.post('/notify', async (req, reply) => {
        keep({ headers: req.headers, body: log(req.body) });
        return reply.code(204).send();
      });
      await app.ready();
      return (incoming, outgoing) => app.routing(incoming, outgoing);
    };
  test('its own parser, then JSON.stringify', async () => {
    const { report, autopsy } = await through(
      onFastify((body) => JSON.stringify(body), false),
      pretty(),
    );
    expect(report.verdict).toBe('invalid');
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'reserialised', rewritings: ['spacing'] }] });
  });

  test('a parser that keeps the buffer, as the recipe has it, does no damage', async () => {
    for (const sent of [send(), pretty(), inAscii()])
      expect(
        (
          await through(
            onFastify((body) => body as Buffer, true),
            sent,
          )
        ).report.verdict,
      ).toBe('valid');
  });
});

describe('what stands before the app', () => {
  const rawApp =
    (keep: Keep): RequestListener =>
    (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('end', () => {
        keep({ headers: incoming.headers, body: Buffer.concat(chunks) });
        outgoing.writeHead(204).end();
      });
    };

  test('a proxy that compresses bodies', async () => {
    let kept: Kept | undefined;
    const app = await serve(rawApp((one) => (kept = one)));
    const proxy = await serve((incoming, outgoing) => {
      const { 'content-length': _length, ...headers } = incoming.headers;
      const forward = request(
        {
          host: '127.0.0.1',
          port: app,
          method: 'POST',
          path: '/notify',
          headers: { ...headers, 'content-encoding': 'gzip' },
        },
        (answer) => {
          answer.resume();
          outgoing.writeHead(answer.statusCode ?? 502).end();
        },
      );
      incoming.pipe(createGzip()).pipe(forward);
    });
    const sent = send();
    await deliver(proxy, sent);
    if (kept === undefined) throw new Error('nothing arrived');
    expect(gunzipSync(kept.body).equals(sent.body)).toBe(true);
    const { report, autopsy } = await judge(asCapture(kept));
    expect(report.verdict).toBe('invalid');
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'compressed', params: { coding: 'gzip' } }] });
  });

  test('a header that is sent twice is joined by Node', async () => {
    let kept: Kept | undefined;
    const port = await serve(rawApp((one) => (kept = one)));
    const { headers, body } = send();
    const nonce = headers['wechatpay-nonce'] ?? '';
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('data', () => socket.end());
      socket.once('close', () => resolve());
      const lines = [...Object.entries(headers), ['Wechatpay-Nonce', nonce], ['Host', 'x'], ['Connection', 'close']];
      socket.write(`POST /notify HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
      socket.write(body);
    });
    if (kept === undefined) throw new Error('nothing arrived');
    const { report, autopsy } = await judge(asCapture(kept));
    expect(report.verdict).toBe('invalid');
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'header_joined' }] });
  });
});
