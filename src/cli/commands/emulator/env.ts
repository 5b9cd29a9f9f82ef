/** `wxpay emulator env`: the emulator's merchant as WXPAY_* variables, for a shell to evaluate. */
import { type Command, Option } from 'commander';
import type { EmulatorInfo } from '../../../emulator/contract.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

/** One assignment per shell; a value is always quoted, so that nothing in it can be run. */
const shells = {
  sh: (name: string, value: string) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
  fish: (name: string, value: string) =>
    `set -gx ${name} '${value.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`,
  // PowerShell takes typographic quotes for plain ones.
  powershell: (name: string, value: string) => `$env:${name} = '${value.replaceAll(/['\u2018-\u201b]/g, '$&$&')}'`,
} as const;

type Shell = keyof typeof shells;

export const command: CommandModule = {
  configure(command: Command, t) {
    addDirOption(command, t);
    command.option('--mchid <mchid>', t('emulator.option.mchid'));
    command.addOption(new Option('--shell <shell>', t('emulator.option.shell')).choices(Object.keys(shells)));
    examples(command, t, ['emulator.example.env', 'emulator.example.env_fish']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    const emulator = await findEmulator(emulatorDir(options, runtime));
    const variables = variablesOf(await emulator.info(textOption(options, 'mchid')));
    const assign = shells[(textOption(options, 'shell') ?? 'sh') as Shell];
    const lines = Object.entries(variables).map(([name, value]) => assign(name, value));
    return { data: variables, view: [{ kind: 'verbatim', text: lines.join('\n') }] };
  },
};

export function variablesOf(info: EmulatorInfo): Record<string, string> {
  // An emulator that is older than this program does not send every field.
  const all: Record<string, string | null | undefined> = {
    WXPAY_BASE_URL: info.https_url ?? info.url,
    WXPAY_CA_FILE: info.ca_file,
    WXPAY_MCHID: info.mchid,
    WXPAY_APPID: info.appid,
    WXPAY_SERIAL_NO: info.serial_no,
    WXPAY_PRIVATE_KEY_FILE: info.private_key_file,
    WXPAY_API_V3_KEY: info.api_v3_key,
    WXPAY_API_V2_KEY: info.api_v2_key,
    WXPAY_PUBLIC_KEY_ID: info.public_key_id,
    WXPAY_PUBLIC_KEY_FILE: info.public_key_file,
    WXPAY_CLIENT_CERT_FILE: info.p12_file,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
