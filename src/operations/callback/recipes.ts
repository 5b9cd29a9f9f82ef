/**
 * How to keep the raw body in the frameworks that people receive callbacks with. The code is the same in every language of
 * ours; what it is about says `autopsy.recipe.<framework>`.
 */

export const frameworks = [
  'express',
  'koa',
  'nest',
  'fastify',
  'next',
  'spring',
  'gin',
  'flask',
  'django',
  'laravel',
  'thinkphp',
] as const;
export type Framework = (typeof frameworks)[number];

/** Code to copy: the raw bytes of the body end up in `raw`. */
export const recipes: Readonly<Record<Framework, string>> = {
  express: [
    "app.post('/notify', express.raw({ type: () => true, limit: '2mb' }), (req, res) => {",
    '  const raw = req.body; // a Buffer, untouched; verify it, then JSON.parse(raw)',
    '});',
    '// With a global express.json(): register this route before it, or keep the bytes there:',
    'app.use(express.json({ verify: (req, res, raw) => { req.rawBody = raw; } }));',
  ].join('\n'),
  koa: [
    "router.post('/notify', async (ctx) => {",
    "  const raw = await getRawBody(ctx.req, { limit: '2mb' }); // before any body parser",
    '});',
    '// getRawBody is the package raw-body.',
    '// Behind koa-bodyparser: const raw = Buffer.from(ctx.request.rawBody)',
  ].join('\n'),
  nest: [
    'const app = await NestFactory.create(AppModule, { rawBody: true });',
    "@Post('notify')",
    'notify(@Req() req: RawBodyRequest<Request>) {',
    '  const raw = req.rawBody;',
    '}',
  ].join('\n'),
  fastify: [
    'app.register(async (scope) => {',
    '  scope.removeAllContentTypeParsers();',
    "  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (req, raw, done) => done(null, raw));",
    "  scope.post('/notify', async (req) => {",
    '    const raw = req.body; // a Buffer',
    '  });',
    '});',
  ].join('\n'),
  next: [
    '// app/notify/route.ts',
    'export async function POST(request: Request) {',
    '  const raw = Buffer.from(await request.arrayBuffer());',
    '}',
    '// pages/api/notify.ts: export const config = { api: { bodyParser: false } } and read the stream',
  ].join('\n'),
  spring: [
    '@PostMapping("/notify")',
    'public ResponseEntity<Void> notify(@RequestBody byte[] raw, @RequestHeader HttpHeaders headers) {',
    '  // byte[], not a DTO and not a String',
    '}',
  ].join('\n'),
  gin: [
    'func notify(c *gin.Context) {',
    '  raw, err := io.ReadAll(c.Request.Body) // before ShouldBindJSON',
    '  c.Request.Body = io.NopCloser(bytes.NewReader(raw)) // for whoever reads it after you',
    '}',
  ].join('\n'),
  flask: [
    "@app.post('/notify')",
    'def notify():',
    '    raw = request.get_data(cache=True)  # bytes, before request.json and request.form',
  ].join('\n'),
  django: ['@csrf_exempt', 'def notify(request):', '    raw = request.body  # bytes, before request.POST'].join('\n'),
  laravel: [
    'public function notify(Request $request) {',
    '    $raw = $request->getContent(); // not $request->all(), not json_encode()',
    '}',
    '// Exclude the route from VerifyCsrfToken, TrimStrings and ConvertEmptyStringsToNull',
  ].join('\n'),
  thinkphp: [
    'public function notify() {',
    "    $raw = request()->getInput(); // or file_get_contents('php://input')",
    '}',
  ].join('\n'),
};
