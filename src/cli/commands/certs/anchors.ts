/** `--ca`: the issuers that platform certificates have to come from. */
import { readAnchors, tenpayAnchors, type Anchors } from '../../../operations/key-check.ts';
import type { Runtime } from '../../command.ts';
import { readInput } from '../../json-input.ts';

/** The bundle that `--ca` names; `undefined` without the option. */
export async function givenAnchors(
  option: unknown,
  runtime: Pick<Runtime, 'readStdin' | 'cwd'>,
): Promise<Anchors | undefined> {
  if (typeof option !== 'string') return undefined;
  return readAnchors(await readInput(option === '-' ? '-' : `@${option}`, runtime), option);
}

/** The same, or Tenpay.com Root CA. */
export async function anchorsOf(option: unknown, runtime: Pick<Runtime, 'readStdin' | 'cwd'>): Promise<Anchors> {
  return (await givenAnchors(option, runtime)) ?? tenpayAnchors();
}
