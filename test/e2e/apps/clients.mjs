// Ways in which Node.js programs reach a host, each with the status that it got.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https, { get } from 'node:https';
import { connect } from 'node:tls';
import { Worker } from 'node:worker_threads';

const host = 'api.mch.weixin.qq.com';
const path = '/v3/certificates';
const answer = (make) =>
  new Promise((resolve) => {
    make((response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () =>
        resolve([response.statusCode, /<title>(.*)<\/title>/.exec(text)?.[1]].filter(Boolean).join(' ')),
      );
    }).on('error', (error) => resolve(error.message));
  });
const pfx = { pfx: readFileSync(process.env.WXPAY_CLIENT_CERT_FILE), passphrase: process.env.WXPAY_MCHID };
const proxy = new URL(process.env.HTTPS_PROXY);
const throughProxy = (agents, target = `https://${host}/secapi/pay/refund`) => ({
  hostname: proxy.hostname,
  port: proxy.port,
  path: target,
  headers: { host },
  agents,
});

const said = {
  'https.get, by name': await answer((done) => get(`https://${host}${path}`, done)),
  'https with an agent of its own': await answer((done) =>
    https.get({ host, path, agent: new https.Agent({ keepAlive: false }) }, done),
  ),
  'a URL with a port': await answer((done) => https.get(new URL(`https://${host}:443${path}`), done)),
  fetch: await fetch(`https://api.wechatpay.cn${path}`).then(({ status }) => String(status)),
  tls: await new Promise((resolve) => {
    const socket = connect(443, host, { servername: host }, () =>
      socket.end(`GET ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`),
    );
    socket.once('data', (chunk) => resolve(String(chunk).split(' ')[1])).on('error', (error) => resolve(error.message));
  }),
  'http2, which WeChat Pay does not speak': await new Promise((resolve) => {
    const session = http2.connect(`https://${host}`);
    session.on('error', (error) => resolve(error.code));
    session.on('connect', () => (session.destroy(), resolve('connected')));
  }),
  'a worker': await new Promise((resolve, reject) => {
    const code = `require('https').get('https://${host}${path}', (r) => require('worker_threads').parentPort.postMessage(String(r.resume().statusCode)))`;
    new Worker(code, { eval: true }).on('message', resolve).on('error', reject);
  }),
  'a client certificate': await answer((done) => https.get({ host, path: '/secapi/pay/refund', ...pfx }, done)),
  'no client certificate': await answer((done) => https.get({ host, path: '/secapi/pay/refund' }, done)),
  'a proxy spoken to in the clear': await answer((done) => http.get(throughProxy({}, `https://${host}${path}`), done)),
  'the same with a client certificate': await answer((done) =>
    http.request(throughProxy({ https: new https.Agent(pfx) }), done).end(),
  ),
  'curl below Node.js': execFileSync('curl', [
    '-sS',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    `https://${host}${path}`,
  ]).toString(),
  'another host': await answer((done) => https.get('https://example.com/', done)),
  'another host of WeChat Pay': await answer((done) => https.get('https://apihk.mch.weixin.qq.com/', done)),
};
process.stdout.write(`${JSON.stringify(said)}\n`);
