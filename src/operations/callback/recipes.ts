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
    "const keepRaw = express.raw({ type: () => true, limit: '2mb' });",
    "app.post('/notify', keepRaw, (req, res) => {",
    '  const raw = req.body; // a Buffer: verify it, then JSON.parse(raw)',
    '});',
    '// Before any global express.json(), or keep the bytes there:',
    'app.use(express.json({ verify: (req, res, raw) => { req.rawBody = raw; } }));',
  ].join('\n'),
  koa: [
    "router.post('/notify', async (ctx) => {",
    "  const raw = await getRawBody(ctx.req, { limit: '2mb' });",
    '});',
    '// getRawBody is the package raw-body; before any body parser.',
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
    "  scope.addContentTypeParser('*', { parseAs: 'buffer' },",
    '    (req, raw, done) => done(null, raw));',
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
    '// pages/api: export const config = { api: { bodyParser: false } }',
  ].join('\n'),
  spring: [
    '@PostMapping("/notify")',
    'public ResponseEntity<Void> notify(',
    '    @RequestBody byte[] raw, // not a DTO and not a String',
    '    @RequestHeader HttpHeaders headers) {',
    '}',
  ].join('\n'),
  gin: [
    'func notify(c *gin.Context) {',
    '  raw, err := io.ReadAll(c.Request.Body) // before ShouldBindJSON',
    '  c.Request.Body = io.NopCloser(bytes.NewReader(raw)) // for later readers',
    '}',
  ].join('\n'),
  flask: [
    "@app.post('/notify')",
    'def notify():',
    '    raw = request.get_data()  # bytes, before request.json or request.form',
  ].join('\n'),
  django: ['@csrf_exempt', 'def notify(request):', '    raw = request.body  # bytes, before request.POST'].join('\n'),
  laravel: [
    'public function notify(Request $request) {',
    '    $raw = $request->getContent(); // not $request->all(), not json_encode()',
    '}',
    '// Exclude the route from VerifyCsrfToken.',
  ].join('\n'),
  thinkphp: [
    'public function notify() {',
    "    $raw = request()->getInput(); // or file_get_contents('php://input')",
    '}',
  ].join('\n'),
};
