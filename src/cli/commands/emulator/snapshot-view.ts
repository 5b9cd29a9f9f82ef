/** What a snapshot holds, in numbers. */
import type { EmulatorState } from '../../../emulator/state.ts';
import type { Result } from '../../../output/view.ts';
import type { Runtime } from '../../command.ts';

export function describeSnapshot(file: string, state: EmulatorState, { t }: Runtime): Result {
  const counts = {
    orders: state.orders.orders.length,
    refunds: state.refunds.refunds.length,
    transfers: state.transfers.transfers.length,
    callbacks: state.callbacks.records.length,
    faults: state.faults.rules.length,
  };
  const rows = Object.entries(counts).map(([label, count]) => ({ label, value: String(count) }));
  return {
    data: { file, ...counts },
    view: [{ kind: 'details', title: t('emulator.title.snapshot'), rows: [{ label: 'file', value: file }, ...rows] }],
    id: file,
  };
}
