/**
 * One profile file as a `conf` store, with a writer that checks itself. Loaded only when something is written: conf brings
 * a schema compiler along.
 *
 * conf alone is not safe for this (THREATS 2.1): its writer truncates the file on a nearly full disk and reports success, with
 * SNAP in the environment it writes in place, and its file is 0644. So conf reads, validates and serialises, and the bytes go
 * through `write`. Updates of parallel processes are the caller's concern: it holds a lock around `replace`.
 */
import Conf, { type Options } from 'conf';
import { profileFieldNames, profileVersion, type Profile } from './schema.ts';

type Stored = Record<string, unknown>;

/** What this file uses of conf. Its own type calls `_write` private, which is the one method that has to be replaced. */
interface Store {
  store: Stored;
  readonly path: string;
  _write(value: Stored): void;
}
const Base = Conf as unknown as new (options: Partial<Options<Stored>>) => Store;

/** Opens the store of one profile. @throws when its file exists and is not a valid profile: look before opening */
export function openConfFile(
  dir: string,
  name: string,
  write: (path: string, text: string) => void,
): { replace(profile: Profile): void } {
  class CheckedConf extends Base {
    override _write(value: Stored): void {
      write(this.path, serialise(value));
    }
  }
  const conf = new CheckedConf({
    cwd: dir,
    configName: name,
    projectSuffix: '',
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    clearInvalidConfig: false,
    // No defaults anywhere: with them the constructor itself would write.
    schema: {
      version: { type: 'integer', const: profileVersion },
      ...Object.fromEntries(profileFieldNames.map((field) => [field, { type: 'string', minLength: 1 }])),
    },
    rootSchema: { additionalProperties: false },
  });
  return {
    replace(profile) {
      conf.store = { ...profile };
    },
  };
}

function serialise(value: Stored): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
