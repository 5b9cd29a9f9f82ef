/**
 * What a command hands to the output room: data for programs and a view for people, side by side.
 * The output room imports no other room; texts arrive translated.
 */

/** A table column. `weight` columns shrink first on a narrow terminal; ids and amounts never do (`fixed`). */
export interface Column {
  /** The JSON field name that the column stands for; heads the column in CSV. */
  readonly field: string;
  /** The translated heading. */
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** True for ids and amounts: never truncated. */
  readonly fixed?: boolean;
  /** True for what loses its use when it is cut (paths, sentences): where it does not fit it goes on below. */
  readonly wraps?: boolean;
  /**
   * True for what people copy (paths, URLs): a text that would be broken within a word stands on lines of its own below its row, as
   * wide as the terminal. Otherwise it wraps.
   */
  readonly copied?: boolean;
}

/** A tone is a colour only where colour is on; the words carry the meaning. */
export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'plain';

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

export interface DetailRow {
  readonly label: string;
  readonly value: string | Cell;
}

export type Block =
  | { readonly kind: 'details'; readonly title?: string; readonly rows: readonly DetailRow[] }
  | {
      readonly kind: 'table';
      readonly title?: string;
      readonly columns: readonly Column[];
      readonly rows: readonly (readonly (string | Cell)[])[];
      /** Shown instead of an empty table. */
      readonly empty: string;
    }
  /** Running text; control characters are escaped, line feeds kept. */
  | { readonly kind: 'text'; readonly text: string; readonly tone?: Tone }
  /** A block that people copy (PEM, JSON, a header): printed as it is on a line of its own, never wrapped or coloured. */
  | { readonly kind: 'verbatim'; readonly text: string }
  /** A QR code of the text, drawn on a terminal only. */
  | { readonly kind: 'qr'; readonly text: string };

/** The answer of a command. */
export interface Result {
  /**
   * One JSON document for `-o json`, with the API's own field names. An array becomes one line per element in ndjson.
   * `undefined`: everything has been printed as it came, and what is left is the verdict.
   */
  readonly data: unknown;
  /** For `-o table`. */
  readonly view: readonly Block[];
  /**
   * Rows for `-o csv` and `-o ndjson`, where `data` itself is not the list (or not flat): defaults to `data` when that is an
   * array, else `[data]`.
   */
  readonly rows?: readonly unknown[];
  /** What `--quiet` prints instead: the one id that a script wants. */
  readonly id?: string;
  /**
   * What is said on stderr once the answer is there: the command that comes next. Said before, a long table would carry it off
   * the screen. Foreign text in it is escaped already.
   */
  readonly afterwards?: string;
  /** Set when the answer is a verdict that failed although it is printed (`verify-callback`, `doctor`, `--wait`): the error code that decides the exit code. */
  readonly failed?: string;
  /** The exit code of another program that the command has run. That program said what there was to say: nothing is printed. */
  readonly exitCode?: number;
}
