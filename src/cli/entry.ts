/**
 * The first file that Node runs, built as CommonJS: starting the ES module loader alone costs more than `--version`, which scripts
 * and completion ask most, may take (bench/startup.js).
 */
if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V'))
  process.stdout.write(`${__WXPAY_VERSION__}\n`);
else void import('./main.ts');
