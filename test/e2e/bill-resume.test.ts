/** The built binary is killed in the middle of a download, and the next run goes on. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { downloads, openServers, type Servers } from '../cli/commands/bill/bill-servers.ts';
import { startLocal, type Local } from '../helpers/local.ts';

let local: Local;
let servers: Servers;
beforeAll(async () => {
  // It is called by the name of the server in between.
  local = await startLocal({ allowedHosts: ['127.0.0.1'] });
  servers = openServers({ local });
});
afterAll(async () => {
  await servers.close();
  await local.close();
});

const dayMs = 86_400_000;

test.each(['SIGKILL', 'SIGINT'] as const)(
  '%s in the middle of a download: the next run asks for the rest',
  async (signal) => {
    local.emulator.seed({ count: 40, total: 1290, paid_ago_ms: 2 * dayMs, prefix: signal.slice(3) });
    const date = new Date(Date.now() - 2 * dayMs + 8 * 3600_000).toISOString().slice(0, 10);
    let killed = false;
    const server = await servers.between((body, response, request) => {
      if (!killed) {
        response.writeHead(200, { 'content-length': body.length });
        response.write(body.subarray(0, 200));
        return;
      }
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const range = `bytes ${from}-${body.length - 1}/${body.length}`;
      response
        .writeHead(206, { 'content-range': range, 'content-length': body.length - from })
        .end(body.subarray(from));
    });
    const env = { ...local.env, WXPAY_BASE_URL: server.url, WXPAY_CACHE_DIR: join(local.home.dir, signal) };
    const folder = join(env.WXPAY_CACHE_DIR, 'bills');
    const parts = (): readonly string[] => {
      try {
        return readdirSync(folder).filter((name) => statSync(join(folder, name)).size === 200);
      } catch {
        return [];
      }
    };
    const argv = ['bill', 'trade', date, '-o', 'ndjson'];
    const running = local.home.spawn(argv, { env });
    while (parts().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    running.kill(signal);
    expect((await running).stdout).toBe('');
    killed = true;
    expect(parts().map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600]);

    const next = await local.home.run(argv, { env });
    expect(next.code, next.stderr).toBe(0);
    expect(next.stdout.split('\n').length - 1).toBe(signal === 'SIGKILL' ? 40 : 80);
    expect(downloads(server).map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=200-']);
    expect(readdirSync(folder)).toEqual([]);
  },
);
