/** What a command module exports, and what a running command may use. */
import type { Command } from 'commander';
import type { CertificateKeyRing } from '../core/keys/keyring.ts';
import type { Clock, Nonce, Signer, Transport } from '../core/ports.ts';
import type { Result } from '../output/view.ts';
import type { Lang, MessageKey, Params, Translate } from '../i18n/translate.ts';
import type { Credentials } from '../profiles/credentials.ts';
import type { Profile, ResolvedProfile } from '../profiles/schema.ts';
import type { ProfileStore } from '../profiles/store.ts';
import type { Prompts } from './prompts.ts';

/** One leaf command. Path = command: `wxpay order create` is `commands/order/create.ts`. */
export interface CommandModule {
  /** Declares arguments, options, examples. No side effects: help and completion call it too. */
  configure(command: Command, t: Translate): void;
  /** Parses nothing, computes nothing: calls one operation and hands its data and a view to the output. `undefined` prints nothing. */
  run(input: CommandInput, runtime: Runtime): Promise<Result | undefined>;
  /** Milliseconds that the work may take to end by itself after the first signal; default 300. A batch finishes what is under way. */
  readonly graceMs?: number;
  /** True where an answer that nobody reads is a failure (exit 9): the report of a batch. */
  readonly needsReader?: boolean;
  /** True where a merchant is welcome and not needed (`certs import`), or its absence is the answer (`doctor`). */
  readonly copesWithoutProfile?: boolean;
}

export interface CommandInput {
  /** Positional arguments, in order. */
  readonly args: readonly string[];
  /** The command's own options under commander's camelCase names; global options are in `runtime.globals`. */
  readonly options: Readonly<Record<string, unknown>>;
}

export type OutputFormat = 'table' | 'json' | 'ndjson' | 'csv';

/** The global flags, parsed. */
export interface Globals {
  readonly profile: string | undefined;
  readonly output: OutputFormat;
  /** JMESPath, already checked. */
  readonly query: string | undefined;
  readonly lang: Lang;
  readonly color: 'always' | 'never' | 'auto';
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Nobody is asked anything, as in CI. */
  readonly noInput: boolean;
  /** The merchant number a live batch names off a terminal. */
  readonly confirm: string | undefined;
  /** Whole-request deadline in milliseconds. */
  readonly timeoutMs: number;
  readonly retries: number;
  readonly baseUrl: string | undefined;
  /** A host beyond WeChat Pay's and loopback that the user allows by name. */
  readonly allowHost: string | undefined;
}

/** A stream as commands see it. */
export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Columns; 80 where the terminal does not say. */
  readonly columns: number;
  /** Lines; `undefined` where nobody knows. */
  readonly rows: number | undefined;
  /** 0 none, 1 16 colours, 2 256, 3 16 million: decided per stream (CLI-MANNERS C1). */
  readonly colorLevel: 0 | 1 | 2 | 3;
}

/**
 * The real world, as lazy thunks: what a command does not ask for is neither loaded nor able to fail. Functions below the
 * command ask for the slices they use, never for the whole runtime.
 */
export interface Runtime {
  readonly globals: Globals;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly cwd: string;
  /** This process's number. */
  readonly pid: number;
  /** The user's number; `undefined` where there is none (win32). */
  readonly uid: number | undefined;
  /** Without the `v`. */
  readonly nodeVersion: string;
  /** Is there a process with this number? For locks. */
  isAlive(pid: number): boolean;
  readonly clock: Clock;
  readonly nonce: Nonce;
  /** Cryptographic randomness. */
  randomBytes(size: number): Buffer;
  readonly t: Translate;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Aborted when whoever reads stdout has gone (`wxpay … | head -1`): nothing more needs to be found out for them. */
  readonly readerGone: AbortSignal;
  /** Where things live: honours `WXPAY_CONFIG_DIR`, `WXPAY_CACHE_DIR`, XDG and the platform. */
  readonly dirs: { readonly config: string; readonly cache: string; readonly state: string };

  /** All of standard input, as bytes; at most `limit` bytes (default 10 MiB). Says that it waits: to a person at a terminal, and where nothing comes. @throws `INPUT_INVALID` the second time */
  readStdin(limit?: number): Promise<Buffer>;
  /** Standard input as it comes, of any length; ends at the first Ctrl-C too. @throws `INPUT_INVALID` the second time */
  streamStdin(): AsyncIterable<Uint8Array>;
  /** The effective profile: flag > environment > profile file > default. Memoised. A person at a terminal who has none is led to one. */
  profile(): Promise<ResolvedProfile>;
  /** The profiles on disk (`openProfileStore` with this process's number, user and randomness). Opening touches nothing. */
  profileStore(): Promise<ProfileStore>;
  /** The keys of the effective profile, or of another one; each is read when it is asked for. */
  credentials(of?: ResolvedProfile): Promise<Credentials>;
  /** The signer of the effective profile. */
  signer(): Promise<Signer>;
  keyRing(): Promise<CertificateKeyRing>;
  /** The merchant's APIv3 key, 32 bytes. */
  apiV3Key(): Promise<Uint8Array>;
  /** The composed transport of the effective profile. The first call decides on the requests per second; default 150. */
  transport(options?: { readonly ratePerSecond?: number }): Promise<Transport>;
  prompts(): Promise<Prompts>;

  /** One line of conversation on stderr (not with `--quiet`). */
  note(key: MessageKey, params?: Params): void;
  /** One warning line on stderr (even with `--quiet`). */
  warn(key: MessageKey, params?: Params): void;
  /** Runs the work under a spinner where stderr is a terminal, and plainly elsewhere. */
  busy<T>(key: MessageKey, params: Params, work: () => Promise<T>): Promise<T>;
  /** Writes to stdout what is too much for a result, piece by piece; UTF-8 where it is text. Waits until it is taken. */
  writeBytes(bytes: Uint8Array): Promise<void>;
  /**
   * The way to a URL that WeChat Pay handed out in an answer (a bill's download_url), and the target there. Loads nothing that
   * the merchant's own transport does not.
   *
   * @throws `HOST_NOT_ALLOWED` before anything is signed
   */
  transportTo(url: string): Promise<{ readonly transport: Transport; readonly target: string }>;
  /** Prints a result at once, before the command ends: for `--watch` and the steps of `demo`. */
  emit(result: Result): void;
  /** Runs another wxpay command in this process, as if typed: how `demo` shows only what really works. */
  self(argv: readonly string[], overrides: SelfOverrides): Promise<number>;
}

export interface SelfOverrides {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gets what the command prints; defaults to this process's own stdout. */
  readonly stdout?: (text: string) => void;
}

export type { Profile, ResolvedProfile };
