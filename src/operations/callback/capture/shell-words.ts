/**
 * The words of a command line as shells read them, for commands that people copied out of developer tools. Nothing is ever
 * run or looked up: what would need a shell is refused.
 */
import { malformedCapture } from './capture.ts';

/** Each command of the text as its words. */
export type Commands = readonly (readonly string[])[];

interface Line {
  readonly commands: string[][];
  word: string | undefined;
}

function endWord(line: Line): void {
  if (line.word !== undefined) (line.commands.at(-1) ?? []).push(line.word);
  line.word = undefined;
}

function endCommand(line: Line): void {
  endWord(line);
  if ((line.commands.at(-1)?.length ?? 0) > 0) line.commands.push([]);
}

function add(line: Line, text: string): void {
  line.word = (line.word ?? '') + text;
}

/**
 * POSIX shells: `'…'`, `"…"`, `$'…'` (bash), backslashes, continued lines.
 *
 * @throws `CALLBACK_MALFORMED` for a quote that does not end, and for `$name`, `$(…)` and backticks, which stand for something
 * that only the shell knew
 */
export function posixWords(text: string): Commands {
  const line: Line = { commands: [[]], word: undefined };
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? '';
    if (char === "'") {
      const end = text.indexOf("'", at + 1);
      if (end === -1) throw malformedCapture('capture_quote');
      add(line, text.slice(at + 1, end));
      at = end + 1;
    } else if (char === '"') at = doubleQuoted(text, at + 1, line);
    else if (char === '$' && text[at + 1] === "'") at = ansiQuoted(text, at + 2, line);
    else if (char === '\\') {
      const feed = /^\\(?:\r\n|\n|\r)/.exec(text.slice(at, at + 3))?.[0];
      if (feed === undefined) add(line, text[at + 1] ?? '\\');
      at += feed?.length ?? 2;
    } else if (char === '$' || char === '`') throw malformedCapture('capture_shell');
    else at = plain(text, at, line);
  }
  endWord(line);
  return line.commands.filter((words) => words.length > 0);
}

/** One character, or a run of them, that no quote concerns. */
function plain(text: string, at: number, line: Line): number {
  const char = text[at] ?? '';
  if (/[\s]/.test(char)) {
    if (char === '\n' || char === '\r') endCommand(line);
    else endWord(line);
    return at + 1;
  }
  if (/[;&|]/.test(char)) {
    endCommand(line);
    return at + 1;
  }
  const run = /[^\s'"\\$`;&|^]+/y;
  run.lastIndex = at;
  const found = run.exec(text)?.[0] ?? char;
  add(line, found);
  return at + found.length;
}

function doubleQuoted(text: string, from: number, line: Line): number {
  add(line, '');
  let at = from;
  for (;;) {
    const run = /[^"\\$`]*/y;
    run.lastIndex = at;
    const found = run.exec(text)?.[0] ?? '';
    add(line, found);
    at += found.length;
    const char = text[at];
    if (char === '"') return at + 1;
    if (char === undefined) throw malformedCapture('capture_quote');
    if (char === '\\') {
      const next = text[at + 1] ?? '';
      if (next === '\n') at += 2;
      else if (text.startsWith('\r\n', at + 1)) at += 3;
      else {
        add(line, '"\\$`'.includes(next) && next !== '' ? next : `\\${next}`);
        at += 2;
      }
    } else if (char === '$' && !/[A-Za-z_{(0-9@*#?!$'"-]/.test(text[at + 1] ?? '')) {
      add(line, char);
      at += 1;
    } else throw malformedCapture('capture_shell');
  }
}

const named: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '?': '?',
};

/** bash's `$'…'`. `\x` and octal escapes are bytes, which have to be UTF-8 together; `\u` are characters. */
function ansiQuoted(text: string, from: number, line: Line): number {
  add(line, '');
  let at = from;
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    add(line, decodeBytes(bytes));
    bytes = [];
  };
  for (;;) {
    const run = /[^'\\]*/y;
    run.lastIndex = at;
    const found = run.exec(text)?.[0] ?? '';
    if (found !== '') flush();
    add(line, found);
    at += found.length;
    const char = text[at];
    if (char === undefined) throw malformedCapture('capture_quote');
    if (char === "'") {
      flush();
      return at + 1;
    }
    const escape = /^\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|([^]))/.exec(
      text.slice(at, at + 10),
    );
    if (escape === null) throw malformedCapture('capture_quote');
    const [all, hex, short, long, octal, other] = escape;
    const byte =
      hex === undefined
        ? octal === undefined
          ? undefined
          : Number.parseInt(octal, 8) & 255
        : Number.parseInt(hex, 16);
    if (byte === undefined) flush();
    else bytes.push(byte);
    const point = short ?? long;
    if (point !== undefined) add(line, character(Number.parseInt(point, 16)));
    else if (other !== undefined) add(line, named[other] ?? all);
    at += all.length;
  }
}

/** Developer tools write a character beyond the first plane as its two halves: as UTF-16 units these come together again. */
function character(point: number): string {
  if (point > 0x10_ff_ff) throw malformedCapture('capture_quote');
  return String.fromCodePoint(point);
}

function decodeBytes(bytes: readonly number[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    throw malformedCapture('capture_encoding');
  }
}

/**
 * cmd.exe: `^` takes the meaning from the next character and continues a line; then the program itself reads quotes and
 * backslashes as Microsoft's C runtime does.
 *
 * @throws `CALLBACK_MALFORMED` for a quote that does not end
 */
export function cmdWords(text: string): Commands {
  return splitCommands(text.replaceAll(/\r\n?/g, '\n')).map(runtimeWords);
}

/** What cmd.exe hands to each program. */
function splitCommands(text: string): readonly string[] {
  const commands: string[] = [];
  let command = '';
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (char === '^' && !quoted) {
      at += 1;
      // The character behind a continued line is taken as it is, a line feed too.
      if (text[at] === '\n') at += 1;
      command += text[at] ?? '';
    } else if (!quoted && (char === '&' || char === '|' || char === '\n')) {
      commands.push(command);
      command = '';
    } else {
      if (char === '"') quoted = !quoted;
      command += char;
      if (char === '\n') quoted = false;
    }
  }
  return [...commands, command].filter((one) => one.trim() !== '');
}

function runtimeWords(command: string): readonly string[] {
  const line: Line = { commands: [[]], word: undefined };
  let quoted = false;
  let at = 0;
  while (at < command.length) {
    const run = /[^\\" \t\n]+|\\+|"|[ \t\n]+/y;
    run.lastIndex = at;
    const found = run.exec(command)?.[0] ?? '';
    at += found.length;
    if (found === '"') {
      // Two of them inside quotes are one that is meant.
      if (quoted && command[at] === '"') {
        add(line, '"');
        at += 1;
      } else {
        quoted = !quoted;
        add(line, '');
      }
    } else if (found.startsWith('\\') && command[at] === '"') {
      add(line, '\\'.repeat(Math.floor(found.length / 2)));
      if (found.length % 2 === 1) {
        add(line, '"');
        at += 1;
      }
    } else if (!quoted && /^\s/.test(found)) endWord(line);
    else add(line, found);
  }
  if (quoted) throw malformedCapture('capture_quote');
  endWord(line);
  return line.commands[0] ?? [];
}

/**
 * PowerShell: `'…'` with `''`, `"…"` with backticks and `$([char]…)`, words apart by blanks. Brackets, `=`, `;`, `,` and `@{` are words
 * of their own; a line feed is a `;`. What is in a string is told apart from what is bare by `quoted`.
 *
 * @throws `CALLBACK_MALFORMED` for a quote that does not end, and for variables inside a string
 */
export function powershellWords(text: string): readonly PowershellWord[] {
  const words: PowershellWord[] = [];
  let at = 0;
  while (at < text.length) {
    const token = /(`\r?\n)|(\r?\n)|[ \t\r]+|(@\{|[(){}=;,])|(["'])|([^\s"'(){}=;,]+)/y;
    token.lastIndex = at;
    const [all = text[at] ?? '', , feed, mark, quote, bare] = token.exec(text) ?? [];
    at += all.length;
    if (feed !== undefined) words.push({ text: ';', quoted: false });
    else if (mark !== undefined || bare !== undefined) words.push({ text: mark ?? bare ?? '', quoted: false });
    else if (quote !== undefined) {
      const string = quote === "'" ? singleString(text, at) : doubleString(text, at);
      words.push({ text: string.text, quoted: true });
      at = string.end;
    }
  }
  return words;
}

export interface PowershellWord {
  readonly text: string;
  readonly quoted: boolean;
}

interface StringEnd {
  readonly text: string;
  readonly end: number;
}

function singleString(text: string, from: number): StringEnd {
  let at = from;
  let value = '';
  for (;;) {
    const end = text.indexOf("'", at);
    if (end === -1) throw malformedCapture('capture_quote');
    value += text.slice(at, end);
    if (text[end + 1] !== "'") return { text: value, end: end + 1 };
    value += "'";
    at = end + 2;
  }
}

const backticked: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function doubleString(text: string, from: number): StringEnd {
  const parts: string[] = [];
  let at = from;
  for (;;) {
    const token = /([^"`$]+)|""|(")|`([^])|\$\(\[char\](\d{1,5})\)|\$(?![A-Za-z_{(?^$])/y;
    token.lastIndex = at;
    const match = token.exec(text);
    if (match === null)
      throw malformedCapture(at < text.length && text[at] === '$' ? 'capture_shell' : 'capture_quote');
    const [all, run, end, ticked, code] = match;
    at += all.length;
    if (end !== undefined) return { text: parts.join(''), end: at };
    if (run !== undefined) parts.push(run);
    else if (ticked !== undefined) parts.push(backticked[ticked] ?? ticked);
    else if (code !== undefined) parts.push(String.fromCharCode(Number(code)));
    else parts.push(all === '""' ? '"' : all);
  }
}
