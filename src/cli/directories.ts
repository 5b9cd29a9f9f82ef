/** Where configuration, cache and state live: `WXPAY_*_DIR`, then XDG, then the platform's own (CLI-MANNERS K7). */
import { join } from 'node:path';
import type { World } from './world.ts';

export interface Directories {
  readonly config: string;
  readonly cache: string;
  readonly state: string;
}

/** Names folders; makes none. */
export function directories({ env, platform, homedir }: Pick<World, 'env' | 'platform' | 'homedir'>): Directories {
  const own = (name: string): string | undefined =>
    env[name] === undefined || env[name] === '' ? undefined : env[name];
  const base = platform === 'win32' ? windows(own, homedir) : platform === 'darwin' ? mac(homedir) : xdg(own, homedir);
  return {
    config: own('WXPAY_CONFIG_DIR') ?? base.config,
    cache: own('WXPAY_CACHE_DIR') ?? base.cache,
    // A chosen configuration folder takes the state along, so that a throw-away setup leaves nothing elsewhere.
    state: own('WXPAY_CONFIG_DIR') === undefined ? base.state : join(own('WXPAY_CONFIG_DIR') ?? '', 'state'),
  };
}

function xdg(own: (name: string) => string | undefined, home: string): Directories {
  return {
    config: join(own('XDG_CONFIG_HOME') ?? join(home, '.config'), 'wxpay'),
    cache: join(own('XDG_CACHE_HOME') ?? join(home, '.cache'), 'wxpay'),
    state: join(own('XDG_STATE_HOME') ?? join(home, '.local', 'state'), 'wxpay'),
  };
}

function mac(home: string): Directories {
  const library = join(home, 'Library');
  return {
    config: join(library, 'Preferences', 'wxpay'),
    cache: join(library, 'Caches', 'wxpay'),
    state: join(library, 'Application Support', 'wxpay'),
  };
}

function windows(own: (name: string) => string | undefined, home: string): Directories {
  const roaming = own('APPDATA') ?? join(home, 'AppData', 'Roaming');
  const local = own('LOCALAPPDATA') ?? join(home, 'AppData', 'Local');
  return {
    config: join(roaming, 'wxpay', 'Config'),
    cache: join(local, 'wxpay', 'Cache'),
    state: join(local, 'wxpay', 'State'),
  };
}
