/** The composition root: lazy thunks over the real world. What a command does not ask for is neither loaded nor able to fail. */
import type { CertificateKeyRing } from '../core/keys/keyring.ts';
import { WxpayError } from '../core/errors.ts';
import type { Signer, Transport } from '../core/ports.ts';
import type { MessageKey, Params, Translate } from '../i18n/translate.ts';
import { safeText } from '../output/safe-text.ts';
import { shellQuote } from '../output/shell.ts';
import type { Result } from '../output/view.ts';
import type { Credentials } from '../profiles/credentials.ts';
import type { ResolvedProfile } from '../profiles/schema.ts';
import type { ProfileStore } from '../profiles/store.ts';
import type { Globals, Output, Runtime, SelfOverrides } from './command.ts';
import { directories } from './directories.ts';
import type { Prompts } from './prompts.ts';
import type { World } from './world.ts';

/** After so long without a byte on a standard input that is no terminal, it is said what is waited for. */
const silenceMs = 3_000;

export interface RuntimeParts {
  readonly world: World;
  readonly t: Translate;
  readonly globals: Globals;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
  readonly readerGone: AbortSignal;
  readonly emit: (result: Result) => void;
  readonly self: (argv: readonly string[], overrides: SelfOverrides) => Promise<number>;
  /** The command looks after itself where there is no profile: nobody is led to one. */
  readonly copesWithoutProfile?: boolean;
}

/** `dispose` ends what the command left open, so that the process can end by itself. */
export function createRuntime(parts: RuntimeParts): {
  readonly runtime: Runtime;
  readonly dispose: () => Promise<void>;
  /** The secrets that have been read so far, for whoever prints what might hold one. */
  readonly secrets: () => readonly string[];
} {
  const { world, t, globals, stdout, stderr, signal } = parts;
  const closers: (() => Promise<void>)[] = [];
  const dirs = directories(world);
  let asking = false;
  /** What came up while somebody was asked something, for afterwards. */
  const held: string[] = [];
  const note = (key: MessageKey, params?: Params): void => {
    const line = `${t(key, escaped(params))}\n`;
    if (asking) held.push(line);
    else stderr.write(line);
  };
  const onAsking = (now: boolean): void => {
    asking = now;
    if (!asking) for (const line of held.splice(0)) stderr.write(line);
  };

  const profileStore = once(async (): Promise<ProfileStore> => {
    const { openProfileStore } = await import('../profiles/store.ts');
    return openProfileStore({
      config: dirs.config,
      platform: world.platform,
      pid: world.pid,
      uid: world.uid,
      isAlive: (pid) => world.isAlive(pid),
      clock: world.clock,
      randomName: () => randomName(world),
    });
  });

  const resolvedAs = async (name = globals.profile): Promise<ResolvedProfile> => {
    const { resolveProfile } = await import('../profiles/resolve.ts');
    const resolved = await resolveProfile({
      profile: name,
      flags: { base_url: globals.baseUrl },
      env: world.env,
      store: await profileStore(),
      cwd: world.cwd,
      allowHosts: globals.allowHost === undefined ? [] : [globals.allowHost],
    });
    for (const { field, by, hidden } of resolved.shadowed)
      if (by.from === 'flag' || globals.verbose)
        note('cli.shadowed.note', { field, by: sourceName(by), hidden: sourceName(hidden) });
    return resolved;
  };

  const profile = once(async (): Promise<ResolvedProfile> => {
    // Whoever has typed a capture at the terminal has nothing left to answer with.
    if (parts.copesWithoutProfile === true || stdinTaken || !stderr.isTTY) return await resolvedAs();
    const { leadToProfile } = await import('./first-profile.ts');
    return await leadToProfile(resolvedAs, runtime);
  });

  /** Files that were warned about already: several readers may come across the same one. */
  const loose = new Set<string>();
  const revealed: (() => string)[] = [];
  const credentialsOf = async (of: ResolvedProfile): Promise<Credentials> => {
    const { openCredentials } = await import('../profiles/credentials.ts');
    const opened = openCredentials(of, {
      env: world.env,
      platform: world.platform,
      uid: world.uid,
      onLooseFile: (file, mode) => {
        if (loose.has(file)) return;
        loose.add(file);
        note('cli.loose_file.warn', { file, mode: mode.toString(8).padStart(3, '0'), path: shellQuote(file) });
      },
    });
    return remembering(opened, (reveal) => revealed.push(reveal));
  };
  const credentials = once(async (): Promise<Credentials> => credentialsOf(await profile()));

  const signer = once(async (): Promise<Signer> => {
    const { createSigner } = await import('../core/wire/authorization.ts');
    const keys = await credentials();
    return createSigner({ mchid: keys.mchid(), serialNo: await keys.serialNo(), privateKey: await keys.merchantKey() });
  });

  /** Requests per second, decided by the first call for a transport. */
  let rate: number | undefined;
  const connection = once(async () => {
    const { connect } = await import('./connection.ts');
    const opened = await connect({
      profile: await profile(),
      credentials: await credentials(),
      signer,
      world,
      globals,
      cacheDir: dirs.cache,
      ...(rate === undefined ? {} : { ratePerSecond: rate }),
      nonce: () => nonce(world),
      note,
      writeTrace: (text) => stderr.write(text),
      t,
    });
    closers.push(() => opened.close());
    return opened;
  });

  let stdinTaken = false;
  /** @returns what to call when something has come, or nothing more is waited for */
  const takeStdin = (): (() => void) => {
    if (stdinTaken)
      throw new WxpayError('INPUT_INVALID', {
        params: { field: '-', reason: 'key:cli.reason.stdin_twice' },
        outcome: 'not_sent',
      });
    stdinTaken = true;
    // Somebody who is waited for should know it.
    if (world.stdin.isTTY === true) {
      note('cli.stdin.note');
      return () => {};
    }
    // In a CI job a pipe that stays open and silent looks like a hang.
    const heard = new AbortController();
    if (!globals.quiet)
      world.clock.sleep(silenceMs, AbortSignal.any([heard.signal, signal])).then(
        () => note('cli.stdin.wait'),
        () => {},
      );
    return () => heard.abort();
  };
  /** For a stdout that takes text only. */
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const runtime: Runtime = {
    globals,
    env: world.env,
    platform: world.platform,
    cwd: world.cwd,
    pid: world.pid,
    nodeVersion: world.nodeVersion,
    clock: world.clock,
    uid: world.uid,
    isAlive: (pid) => world.isAlive(pid),
    nonce: () => nonce(world),
    randomBytes: (size) => world.randomBytes(size),
    t,
    stdout,
    stderr,
    signal,
    readerGone: parts.readerGone,
    dirs,
    readStdin: async (limit) => {
      const heard = takeStdin();
      return readStdin(world, heard, limit).finally(heard);
    },
    async *streamStdin() {
      const heard = takeStdin();
      try {
        for await (const chunk of streamStdin(world, signal)) {
          heard();
          yield chunk;
        }
      } finally {
        heard();
      }
    },
    profileStore,
    profile,
    credentials: (of) => (of === undefined ? credentials() : credentialsOf(of)),
    signer,
    apiV3Key: async () => (await credentials()).apiV3Key(),
    keyRing: async (): Promise<CertificateKeyRing> => (await connection()).keyRing,
    transport: async (options): Promise<Transport> => {
      rate ??= options?.ratePerSecond;
      const transport = await (await connection()).transport();
      return (request) => transport({ ...request, signal: request.signal ?? signal });
    },
    async transportTo(url) {
      const { transport, target } = await (await connection()).transportTo(url);
      return { transport: (request) => transport({ ...request, signal: request.signal ?? signal }), target };
    },
    writeBytes: async (bytes) => {
      if (world.writeBytes !== undefined) return world.writeBytes(bytes);
      world.stdout.write(decoder.decode(bytes, { stream: true }));
    },
    prompts: once(async (): Promise<Prompts> => {
      const { createPrompts } = await import('./prompts.ts');
      return createPrompts({
        stdin: world.stdin,
        stderr: world.stderr,
        env: world.env,
        json: globals.output === 'json' || globals.output === 'ndjson',
        noInput: globals.noInput,
        signal,
        onAsking,
      });
    }),
    note: (key, params) => {
      if (!globals.quiet) note(key, params);
    },
    warn: note,
    async busy(key, params, work) {
      // Loaded only where it can be seen: a pipe pays nothing for it.
      if (globals.quiet || !stderr.isTTY) return work();
      const { withSpinner } = await import('./spinner.ts');
      return withSpinner(t(key, params), work, {
        stream: world.stderr,
        clock: world.clock,
        colorLevel: stderr.colorLevel,
        env: world.env,
        signal,
      });
    },
    emit: parts.emit,
    self: parts.self,
  };
  return {
    runtime,
    dispose: async () => {
      // What the command did is settled by now; a socket that does not close well changes nothing of it.
      await Promise.allSettled(closers.map((close) => close()));
    },
    secrets: () => revealed.map((reveal) => reveal()),
  };
}

/** 32 characters of `[0-9A-Z]` without modulo bias: 16 random bytes as upper-case hex, as in the documents' own examples (protocol 1.1). */
function nonce(world: World): string {
  return world.randomBytes(16).toString('hex').toUpperCase();
}

function randomName(world: World): string {
  return world.randomBytes(12).toString('hex');
}

/** The same credentials, telling of every secret that they hand out. */
function remembering(credentials: Credentials, onSecret: (reveal: () => string) => void): Credentials {
  return {
    ...credentials,
    merchantKey: async () => {
      const key = await credentials.merchantKey();
      onSecret(() => key.export({ type: 'pkcs8', format: 'pem' }).toString());
      return key;
    },
    apiV3Key: async () => {
      const key = await credentials.apiV3Key();
      onSecret(() => key.toString());
      return key;
    },
    apiV2Key: async () => {
      const key = await credentials.apiV2Key();
      onSecret(() => key.reveal());
      return key;
    },
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** Values in a message are data; the message itself is ours. */
function escaped(params: Params | undefined): Params | undefined {
  if (params === undefined) return undefined;
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, safeText(String(value))]));
}

function sourceName(source: ResolvedProfile['shadowed'][number]['by']): string {
  switch (source.from) {
    case 'flag':
      return source.flag;
    case 'env':
      return source.variable;
    case 'profile':
      return source.name;
    case 'default':
      return 'default';
  }
}

async function readStdin(world: World, onChunk: () => void, limit: number = 10 * 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of world.stdin as AsyncIterable<Buffer | string>) {
    onChunk();
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > limit)
      throw new WxpayError('INPUT_UNREADABLE', {
        params: { file: 'stdin', reason: `> ${limit} bytes` },
        outcome: 'not_sent',
      });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** A signal ends it as if nothing more came: what has been read is still worth something. */
async function* streamStdin(world: World, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const chunks = (world.stdin as AsyncIterable<Buffer | string>)[Symbol.asyncIterator]();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    while (!signal.aborted) {
      const next = await Promise.race([chunks.next(), aborted]);
      if (next === undefined || next.done === true) return;
      yield typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
    }
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

export type { Runtime };
