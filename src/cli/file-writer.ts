/** What operations that write files safely need of this process. */
import type { Writer } from '../operations/certificate-rotation.ts';
import type { Runtime } from './command.ts';

export function fileWriter(runtime: Pick<Runtime, 'platform' | 'pid' | 'uid' | 'isAlive' | 'randomBytes'>): Writer {
  return {
    platform: runtime.platform,
    pid: runtime.pid,
    uid: runtime.uid,
    isAlive: (pid) => runtime.isAlive(pid),
    randomName: () => runtime.randomBytes(8).toString('hex'),
  };
}
