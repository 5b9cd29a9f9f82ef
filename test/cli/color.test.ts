import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { colorLevel, type ColorQuestion, paint } from '../../src/cli/color.ts';

const xterm = { TERM: 'xterm-256color' };

describe('C1: flag > FORCE_COLOR, CLICOLOR_FORCE > NO_COLOR, CLICOLOR=0, TERM=dumb > terminal', () => {
  test.each<[string, ColorQuestion['flag'], ColorQuestion['env'], boolean, number]>([
    ['a terminal', undefined, xterm, true, 2],
    ['a pipe', undefined, xterm, false, 0],
    ['a terminal without a name', undefined, {}, true, 1],
    ['a terminal with 16 million colours', undefined, { ...xterm, COLORTERM: 'truecolor' }, true, 3],
    ['Windows Terminal', undefined, { WT_SESSION: 'a-b' }, true, 3],
    ['a plain terminal', undefined, { TERM: 'vt220' }, true, 1],
    ['NO_COLOR', undefined, { ...xterm, NO_COLOR: '1' }, true, 0],
    ['NO_COLOR of any value', undefined, { ...xterm, NO_COLOR: '0' }, true, 0],
    ['an empty NO_COLOR', undefined, { ...xterm, NO_COLOR: '' }, true, 2],
    ['CLICOLOR=0', undefined, { ...xterm, CLICOLOR: '0' }, true, 0],
    ['CLICOLOR=1 in a pipe', undefined, { ...xterm, CLICOLOR: '1' }, false, 0],
    ['TERM=dumb', undefined, { TERM: 'dumb' }, true, 0],
    ['CLICOLOR_FORCE in a pipe', undefined, { ...xterm, CLICOLOR_FORCE: '1' }, false, 2],
    ['CLICOLOR_FORCE=0', undefined, { ...xterm, CLICOLOR_FORCE: '0' }, false, 0],
    ['CLICOLOR_FORCE over NO_COLOR', undefined, { ...xterm, CLICOLOR_FORCE: '1', NO_COLOR: '1' }, false, 2],
    ['FORCE_COLOR in a pipe', undefined, { ...xterm, FORCE_COLOR: '1' }, false, 1],
    ['an empty FORCE_COLOR', undefined, { ...xterm, FORCE_COLOR: '' }, false, 2],
    ['FORCE_COLOR=3', undefined, { FORCE_COLOR: '3' }, false, 3],
    ['FORCE_COLOR=0 on a terminal', undefined, { ...xterm, FORCE_COLOR: '0' }, true, 0],
    ['FORCE_COLOR=0 over CLICOLOR_FORCE', undefined, { ...xterm, FORCE_COLOR: '0', CLICOLOR_FORCE: '1' }, true, 0],
    ['FORCE_COLOR over NO_COLOR', undefined, { FORCE_COLOR: '2', NO_COLOR: '1' }, false, 2],
    ['--color=always over NO_COLOR', 'always', { ...xterm, NO_COLOR: '1' }, false, 2],
    ['--color=always on a dumb terminal', 'always', { TERM: 'dumb' }, false, 1],
    ['--color=never over FORCE_COLOR', 'never', { ...xterm, FORCE_COLOR: '3' }, true, 0],
    ['--color=auto', 'auto', xterm, true, 2],
    ['--color=auto with NO_COLOR', 'auto', { ...xterm, NO_COLOR: '1' }, true, 0],
  ])('%s', (_, flag, env, isTTY, level) => {
    expect(colorLevel({ flag, env, isTTY })).toBe(level);
  });
});

describe('paint', () => {
  test('changes nothing where colour is off', async () => {
    expect((await paint(0))('bad', 'no')).toBe('no');
  });

  test.each([1, 2, 3] as const)('adds colour and nothing else at level %i', async (level) => {
    const painter = await paint(level);
    for (const style of ['good', 'bad', 'warn', 'dim', 'strong'] as const) {
      expect(painter(style, 'word')).not.toBe('word');
      expect(stripVTControlCharacters(painter(style, 'word'))).toBe('word');
    }
    expect(painter('plain', 'word')).toBe('word');
    expect(painter('bad', '')).toBe('');
  });
});
