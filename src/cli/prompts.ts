/**
 * The only place that talks to inquirer. Prompts exist only where stdin and stderr are terminals; they write to stderr, and
 * Ctrl-C and end-of-input are told apart (CLI-MANNERS I1 to I6).
 */

export interface Prompts {
  /** True when a person can be asked: stdin and stderr are terminals, not `CI`, not `-o json`. */
  readonly canPrompt: boolean;
  /** A line of text. `validate` returns the complaint to show, or `undefined` when the text will do. */
  input(question: {
    message: string;
    initial?: string;
    validate?: (text: string) => string | undefined;
  }): Promise<string>;
  /** A secret; nothing of it is echoed but a mask. */
  secret(question: { message: string; validate?: (text: string) => string | undefined }): Promise<string>;
  select<T extends string>(question: {
    message: string;
    choices: readonly { value: T; name: string }[];
    initial?: T;
  }): Promise<T>;
  /** Yes or no; the default is no. */
  confirm(question: { message: string }): Promise<boolean>;
}
