/** A file's text, put into the program when it is built. */
declare module '*?raw' {
  const text: string;
  // oxlint-disable-next-line import/no-default-export
  export default text;
}
