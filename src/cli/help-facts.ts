/** What help says of a command beyond its options: the exit codes it may end with, and what to look at next. */
import type { ExitName } from './exit-codes.ts';

const local: readonly ExitName[] = ['ok', 'usage', 'config', 'interrupted'];
const verdict: readonly ExitName[] = ['ok', 'usage', 'config', 'verification', 'interrupted'];
const read: readonly ExitName[] = [
  'ok',
  'usage',
  'config',
  'refused',
  'not_found',
  'verification',
  'network',
  'throttled',
  'credentials',
  'interrupted',
];
const watched: readonly ExitName[] = [...read, 'not_final'];
const write: readonly ExitName[] = [...read, 'unknown_outcome', 'unconfirmed'];
const waited: readonly ExitName[] = [...write, 'not_final'];
const batch: readonly ExitName[] = [...waited, 'batch'];
const asked: readonly ExitName[] = [...local, 'unconfirmed'];
const emulated: readonly ExitName[] = [...local, 'refused', 'not_found'];

export interface HelpFacts {
  readonly exits: readonly ExitName[];
  /** Paths of commands, or `help <topic>`. */
  readonly seeAlso: readonly string[];
}

/** By the command's path. A test holds this complete, and every name in it real. */
export const helpFacts: Readonly<Record<string, HelpFacts>> = {
  demo: { exits: ['ok', 'bug', 'interrupted'], seeAlso: ['emulator start', 'profile add', 'help emulator'] },
  'order create': {
    exits: waited,
    seeAlso: ['order query', 'order close', 'order reverse', 'emulator pay', 'help money'],
  },
  'order query': { exits: watched, seeAlso: ['order create', 'order close', 'refund create'] },
  'order close': { exits: write, seeAlso: ['order query', 'order create', 'order reverse'] },
  'order reverse': { exits: write, seeAlso: ['order query', 'order close', 'refund create'] },
  'refund create': { exits: waited, seeAlso: ['refund query', 'refund batch', 'refund resume', 'help money'] },
  'refund query': { exits: watched, seeAlso: ['refund create', 'refund pending'] },
  'refund batch': { exits: batch, seeAlso: ['refund report merge', 'refund pending', 'help ci', 'help money'] },
  'refund report merge': { exits: [...local, 'batch'], seeAlso: ['refund batch', 'help ci'] },
  'refund pending': { exits: local, seeAlso: ['refund resume', 'refund query'] },
  'refund resume': { exits: waited, seeAlso: ['refund pending', 'refund query', 'help money'] },
  'refund abnormal': { exits: write, seeAlso: ['refund query', 'encrypt'] },
  'transfer create': {
    exits: waited,
    seeAlso: ['transfer query', 'transfer cancel', 'emulator transfer', 'help money'],
  },
  'transfer query': { exits: watched, seeAlso: ['transfer create', 'transfer cancel'] },
  'transfer cancel': { exits: write, seeAlso: ['transfer query', 'transfer create'] },
  'bill trade': { exits: read, seeAlso: ['bill fundflow', 'bill read', 'refund query', 'help money'] },
  'bill fundflow': { exits: read, seeAlso: ['bill trade', 'bill read', 'help money'] },
  'bill read': { exits: verdict, seeAlso: ['bill trade', 'bill reconcile'] },
  'bill reconcile': { exits: [...verdict, 'batch'], seeAlso: ['bill trade', 'refund query', 'help money'] },
  'certs download': { exits: read, seeAlso: ['certs list', 'certs rotate', 'help keys'] },
  'certs list': { exits: local, seeAlso: ['certs show', 'certs rotate', 'help keys'] },
  'certs show': { exits: [...local, 'not_found'], seeAlso: ['certs list', 'certs verify'] },
  'certs rotate': { exits: read, seeAlso: ['certs verify', 'certs migrate', 'help keys'] },
  'certs verify': { exits: read, seeAlso: ['certs list', 'doctor', 'help keys'] },
  'certs import': { exits: asked, seeAlso: ['profile add', 'certs export', 'help keys'] },
  'certs export': { exits: local, seeAlso: ['certs list', 'certs import'] },
  'certs migrate': { exits: read, seeAlso: ['certs rotate', 'doctor', 'help keys'] },
  api: { exits: write, seeAlso: ['sign', 'bill trade', 'encrypt', 'help signing', 'help money'] },
  sign: { exits: verdict, seeAlso: ['verify-callback', 'order create', 'help signing'] },
  'verify-callback': {
    exits: [...verdict, 'network'],
    seeAlso: ['callback replay', 'decrypt', 'doctor', 'help callbacks'],
  },
  'callback listen': {
    exits: local,
    seeAlso: ['callback trigger', 'verify-callback', 'emulator start', 'help callbacks'],
  },
  'callback trigger': {
    exits: [...verdict, 'not_found', 'network'],
    seeAlso: ['callback listen', 'callback replay', 'emulator start', 'help callbacks'],
  },
  'callback replay': {
    exits: [...verdict, 'network'],
    seeAlso: ['verify-callback', 'callback trigger', 'help callbacks'],
  },
  encrypt: { exits: read, seeAlso: ['decrypt', 'certs list', 'help keys'] },
  decrypt: { exits: verdict, seeAlso: ['encrypt', 'verify-callback', 'help keys'] },
  doctor: { exits: read, seeAlso: ['profile show', 'certs verify', 'help keys'] },
  'profile add': { exits: asked, seeAlso: ['profile list', 'doctor', 'help environment'] },
  'profile list': { exits: local, seeAlso: ['profile show', 'profile use'] },
  'profile show': { exits: [...local, 'not_found'], seeAlso: ['profile list', 'doctor', 'help environment'] },
  'profile use': { exits: [...local, 'not_found'], seeAlso: ['profile list', 'profile show'] },
  'profile remove': { exits: [...asked, 'not_found'], seeAlso: ['profile list', 'profile add'] },
  completion: { exits: local, seeAlso: ['help environment', 'profile list'] },
  'emulator start': { exits: local, seeAlso: ['emulator env', 'emulator pay', 'demo', 'help emulator'] },
  'emulator env': { exits: local, seeAlso: ['emulator start', 'help environment'] },
  'emulator run': { exits: local, seeAlso: ['emulator start', 'emulator pay', 'help emulator'] },
  'emulator pay': { exits: emulated, seeAlso: ['order create', 'emulator refund', 'help emulator'] },
  'emulator refund': { exits: emulated, seeAlso: ['refund create', 'emulator pay', 'help emulator'] },
  'emulator transfer': { exits: emulated, seeAlso: ['transfer create', 'emulator pay', 'help emulator'] },
  'emulator code': { exits: emulated, seeAlso: ['order create', 'emulator payer', 'help emulator'] },
  'emulator payer': { exits: emulated, seeAlso: ['emulator code', 'emulator pay', 'help emulator'] },
  'emulator merchant': { exits: emulated, seeAlso: ['emulator fault', 'emulator start', 'help emulator'] },
  'emulator fault': { exits: emulated, seeAlso: ['emulator start', 'help emulator'] },
  'emulator callbacks': { exits: emulated, seeAlso: ['callback listen', 'emulator pay', 'help emulator'] },
  'emulator clock': { exits: emulated, seeAlso: ['emulator callbacks', 'emulator refund', 'help emulator'] },
  'emulator reset': { exits: local, seeAlso: ['emulator snapshot load', 'emulator start', 'help emulator'] },
  'emulator snapshot save': { exits: local, seeAlso: ['emulator snapshot load', 'emulator reset', 'help emulator'] },
  'emulator snapshot load': { exits: local, seeAlso: ['emulator snapshot save', 'emulator clock', 'help emulator'] },
  'emulator rotate': { exits: emulated, seeAlso: ['certs rotate', 'certs migrate', 'help keys'] },
};
