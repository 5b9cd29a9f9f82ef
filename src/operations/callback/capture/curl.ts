/** A callback as a command that would send it: curl for bash, cmd.exe or PowerShell, and PowerShell's Invoke-WebRequest. */
import { malformedCapture, type Capture } from './capture.ts';
import { addHeader, emptyHeaders, splitLine, type HeaderLists } from './headers.ts';
import { cmdWords, posixWords, powershellWords, type Commands, type PowershellWord } from './shell-words.ts';

type Found = Omit<Capture, 'origin'>;

const powershell = /\b(?:Invoke-WebRequest|Invoke-RestMethod|iwr|irm)\b/i;

/** A prompt that was copied along. */
const prompt = /^\s{0,99}(?:[$#%>][ \t]{1,9}|(?:PS [^>\n]{0,200}|[A-Za-z]:[^>\n]{0,200})>[ \t]{0,9})?/;

/** True for text that begins as such a command does, a prompt before it or not. */
export function isCommand(text: string): boolean {
  const command = text.slice(prompt.exec(text.slice(0, 512))?.[0].length ?? 0, 1024);
  return /^(?:curl(?:\.exe)?\s|Invoke-(?:WebRequest|RestMethod)\b|\$session\b)/i.test(command);
}

/**
 * Reads every command of the text ("Copy all as cURL" has several).
 *
 * @throws `CALLBACK_MALFORMED` when none is a curl command, for quotes that do not end, for what only the shell knew, and for a
 * body or headers that are in a file: which file a command of somebody else's names is not read
 */
export function parseCommands(text: string): readonly Found[] {
  const command = text.slice(prompt.exec(text.slice(0, 512))?.[0].length ?? 0);
  const found = powershell.test(command.slice(0, 64 * 1024)) ? webRequests(command) : curls(command);
  if (found.length === 0) throw malformedCapture('capture_unknown');
  return found;
}

function curls(text: string): readonly Found[] {
  return wordsOf(text).flatMap((words) => {
    const at = words.findIndex((word) => /(?:^|[/\\])curl(?:\.exe)?$/i.test(word));
    return at === -1 || at > 6 ? [] : [curl(words.slice(at + 1))];
  });
}

function wordsOf(text: string): Commands {
  if (/\^["\r\n]/.test(text)) return cmdWords(text);
  // In PowerShell a backtick continues the line; bash would run what is between two.
  if (/[ \t]`\r?\n/.test(text)) return [powershellWords(text).map((word) => word.text)];
  return posixWords(text);
}

/** Options of curl that take a value, beyond those that are read here: their values must not be taken for options. */
const short = 'AbcCDeEFhKmoPQrTuUwxXyYzt';
const long: ReadonlySet<string> = new Set(
  `--request --url --user-agent --cookie --cookie-jar --referer --user --proxy --output --max-time --connect-timeout --write-out
  --cacert --capath --cert --key --pass --resolve --retry --form --upload-file --config --interface --ciphers --limit-rate
  --connect-to --dump-header --trace --trace-ascii --stderr --range --unix-socket --data-urlencode --form-string`.split(
    /\s+/,
  ),
);

/** Ways of making a body out of something that is not in the command, or out of more than one thing. */
const unsupported: ReadonlySet<string> = new Set([
  '--data-urlencode',
  '--form',
  '--form-string',
  '--upload-file',
  '--config',
  '-F',
  '-T',
  '-K',
]);

interface Parts {
  readonly headers: HeaderLists;
  readonly data: string[];
}

function curl(words: readonly string[]): Found {
  const parts: Parts = { headers: emptyHeaders(), data: [] };
  for (let at = 0; at < words.length; at += 1) {
    const { option, value } = optionOf(words[at] ?? '');
    if (option === undefined) continue;
    if (unsupported.has(option)) throw malformedCapture('curl_option', { option });
    const taken = isRead(option) || long.has(option) || (option.length === 2 && short.includes(option[1] ?? ''));
    if (!taken) continue;
    if (value === undefined) at += 1;
    read(option, value ?? words[at] ?? '', parts);
  }
  return { headers: parts.headers, body: Buffer.from(parts.data.join('&')), bodyIs: 'text', format: 'curl' };
}

/** `--option`, `--option=value`, `-o`, `-ovalue`, and clusters of switches before one (`-sSd`). */
function optionOf(word: string): { readonly option?: string; readonly value?: string } {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    return equals === -1 ? { option: word } : { option: word.slice(0, equals), value: word.slice(equals + 1) };
  }
  if (!/^-[A-Za-z]/.test(word)) return {};
  for (let at = 1; at < Math.min(word.length, 16); at += 1) {
    const char = word[at] ?? '';
    if (char !== 'H' && char !== 'd' && !short.includes(char)) continue;
    return { option: `-${char}`, ...(at + 1 < word.length ? { value: word.slice(at + 1) } : {}) };
  }
  return {};
}

const dataOptions: ReadonlySet<string> = new Set([
  '-d',
  '--data',
  '--data-ascii',
  '--data-raw',
  '--data-binary',
  '--json',
]);

function isRead(option: string): boolean {
  return option === '-H' || option === '--header' || dataOptions.has(option);
}

function read(option: string, value: string, { headers, data }: Parts): void {
  if (!isRead(option)) return;
  if (value.startsWith('@') && option !== '--data-raw')
    throw malformedCapture('curl_file', { file: value.slice(1, 200) });
  if (dataOptions.has(option)) {
    data.push(value);
    return;
  }
  const field = splitLine(value);
  if (field !== undefined && field.value !== '') addHeader(headers, field.name, field.value);
  // curl takes `Name;` for a header without a value, and `Name:` for one that it should leave out.
  else if (field === undefined && /^[A-Za-z0-9-]+;$/.test(value)) addHeader(headers, value.slice(0, -1), '');
}

function webRequests(text: string): readonly Found[] {
  const words = powershellWords(text);
  const found: Found[] = [];
  words.forEach(({ text: word, quoted }, at) => {
    if (!quoted && powershell.test(word)) found.push(webRequest(words.slice(at + 1)));
  });
  return found;
}

function webRequest(words: readonly PowershellWord[]): Found {
  const headers = emptyHeaders();
  let body = '';
  for (const [at, { text, quoted }] of words.entries()) {
    if (quoted) continue;
    if (powershell.test(text)) break;
    const option = text.toLowerCase();
    if (option === '-headers' && words[at + 1]?.text === '@{') readTable(words.slice(at + 2), headers);
    else if (option === '-contenttype') addHeader(headers, 'content-type', words[at + 1]?.text ?? '');
    else if (option === '-infile')
      throw malformedCapture('curl_file', { file: (words[at + 1]?.text ?? '').slice(0, 200) });
    // A string, or one inside `([System.Text.Encoding]::UTF8.GetBytes("…"))`.
    else if (option === '-body') body = bodyString(words.slice(at + 1, at + 6));
  }
  return { headers, body: Buffer.from(body), bodyIs: 'text', format: 'curl' };
}

function bodyString(words: readonly PowershellWord[]): string {
  const string = words.find(({ text, quoted }) => quoted || /^[-$@]/.test(text));
  if (string?.quoted !== true) throw malformedCapture('capture_shell');
  return string.text;
}

/** `"name"="value"` of `@{ … }`. */
function readTable(words: readonly PowershellWord[], headers: HeaderLists): void {
  for (const [at, { text, quoted }] of words.entries()) {
    if (!quoted && text === '}') return;
    const value = words[at + 1];
    const name = words[at - 1];
    if (!quoted && text === '=' && name !== undefined && value !== undefined) addHeader(headers, name.text, value.text);
  }
}
