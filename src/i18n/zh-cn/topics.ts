/** `wxpay help <topic>`：空行分段，以两个空格开头的行是命令。 */
import type { topics as en } from '../en/topics.ts';

export const topics: Readonly<Record<keyof typeof en, string>> = {
  'topics.summary.signing': '请求和应答怎样签名，遇到 SIGN_ERROR 怎么办',
  'topics.summary.keys': '有哪些密钥和证书，放在哪里，怎样轮换',
  'topics.summary.callbacks': '回调怎样到达，为什么验签不过',
  'topics.summary.money': '怎样保证钱不会动两次',
  'topics.summary.output': '结果写到哪里、以什么形式：表格、JSON、CSV、颜色',
  'topics.summary.ci': '在脚本和 CI 任务里使用 wxpay',
  'topics.summary.emulator': '自己机器上的微信支付',
  'topics.summary.exit-codes': '每个退出码的含义',
  'topics.summary.environment': 'wxpay 读取的所有环境变量',
  'topics.summary.commands': '全部命令一览；加 --json 则连同全部选项',
  'topics.command': '命令',
  'topics.title': '主题',
  'topics.name': '主题',
  'topics.about': '内容',
  'topics.signing':
    '每个请求都用商户 API 私钥签名（RSA，SHA-256），签的是五行：方法、带查询串的路径、时间戳、随机串、请求体，每行以换行符结束。发出去的必须就是这些字节：签名之后又重新序列化的请求体，签名就对不上了。\n\n看看签的是什么：\n\n  wxpay sign GET /v3/certificates --explain\n\n微信支付返回 SIGN_ERROR 时会附上它看到的内容。拿它和自己的请求比一比，就能看到第一处不同：\n\n  wxpay sign POST /v3/pay/transactions/native --data @order.json --against answer.json\n\n常见原因：serial_no 属于另一张证书；签 URL 时漏了查询串，或者多签了域名；请求体在签名之后又被改动；本机时钟偏差超过五分钟。这些 wxpay doctor 都会检查。\n\n应答同样带签名，签的是时间戳、随机串和应答体。验签不过的内容，wxpay 一概不显示。状态码和路径不在签名范围内，所以应答里的单号还会和请求核对。',
  'topics.keys':
    '五样密钥和证书，很容易弄混：\n\n商户 API 私钥（apiclient_key.pem）用来给请求签名。商户 API 证书（apiclient_cert.pem、apiclient_cert.p12）与它配对，证书序列号写在每个请求里。APIv3 密钥（自己设置的 32 个字符）用来解密回调和平台证书。平台证书或微信支付公钥（PUB_KEY_ID_…）用来验证微信支付发来的内容。APIv2 密钥只用于旧的 XML 接口。\n\n拆开 .p12，并据此建立配置：\n\n  wxpay certs import apiclient_cert.p12 --out keys\n\n平台证书会过期。遇到新序列号时，wxpay 会自动下载、验证并保存；要给自己的服务器用，可以放进 cron：\n\n  wxpay certs rotate --out ./platform\n\n商户正在从平台证书迁移到微信支付公钥。看看还差哪些步骤：\n\n  wxpay certs migrate\n\n一次检查全部，每个问题都给出解决办法：\n\n  wxpay doctor',
  'topics.callbacks':
    '回调是一个 POST：请求体由微信支付签名，resource 用你的 APIv3 密钥加密。签名逐字节覆盖请求体，所以要先验签，再解析。五秒内应答 200 或 204，否则还会再发，一天内最多重发十五次。同一个回调可能到达两次，业务只能处理一次。\n\n验签不过时，把原始请求留下来，问问为什么：\n\n  wxpay verify-callback callback.http --ignore-age\n\n检查的顺序是：四个请求头、签名类型、时效（五分钟）、序列号、签名、信封、解密、其中的单号和金额。签名以 WECHATPAY/SIGNTEST/ 开头的是探测：微信支付在测试你会不会拒绝错误的签名。\n\n大多数失败，都是框架把请求体解析后又重新写了一遍。请保留收到时的原始字节。\n\n写回调处理程序时，可以在它前面放一个监听器，再用正确和错误的回调试一试：\n\n  wxpay callback listen --port 8090 --forward-to http://127.0.0.1:3000/notify\n\n  wxpay callback trigger TRANSACTION.SUCCESS --to http://127.0.0.1:3000/notify\n\n  wxpay callback trigger --list',
  'topics.money':
    '金额单位是分，与接口一致：--amount 1234 就是 ¥12.34。用元要写单位：--amount 12.34元。只写 12.34 会被拒绝。\n\n每次写操作，单号都在发出第一个字节之前就定好了。同一个单号再发一次，也只会发生一次。没有指定单号的退款，单号由商户号、订单、--batch-id 和 --ref 推导出来，绝不随机，所以同一条命令换一台机器执行，找到的还是同一笔退款。\n\n写操作的应答丢了，wxpay 不会去猜：退出码是 8，并打印用来查询的命令。未了结的退款记在流水文件里：\n\n  wxpay refund pending\n\n同一订单确实要再退一笔，要写明：\n\n  wxpay refund T20261123_000001 --amount 100 --ref second\n\n正式环境的写操作会先询问。不在终端里执行时需要 --yes，批量退款还要用 --confirm 写明商户号。--dry-run 只显示将要发出的请求，不发送。',
  'topics.output':
    '结果写到标准输出，其余一切（进度、提示、警告、提问）写到标准错误。表格给人看：在终端里按宽度排版，在管道里每行一条记录，字段以制表符分隔，不截断，不带颜色。\n\n给程序用：--json 输出恰好一个 JSON 文档，字段名与接口一致，金额是整数分。-o ndjson 每行一个对象，-o csv 供电子表格使用，任何单元格都不会被当作公式执行。命令失败时标准输出为空，标准错误的最后一行是 JSON：code、message、hint、outcome、next、exit_code。\n\n用 JMESPath 取一个字段或筛选多行；写错的表达式在发出请求之前就会指出：\n\n  wxpay order query T20261123_000001 --query trade_state\n\n只要脚本需要的那一个值：\n\n  wxpay order query T20261123_000001 --quiet\n\n供程序读取的全部命令说明：\n\n  wxpay help commands --json\n\n颜色按每个输出流决定：先看 --color，再看 FORCE_COLOR、NO_COLOR，最后看是不是终端。颜色从不单独表达含义。设 WXPAY_ACCESSIBLE=1，则以普通文本行代替动画。\n\nJSON 字段和退出码是接口，变更写在更新日志里。',
  'topics.ci':
    '配置里的每一项都可以来自 WXPAY_* 变量，任务里不需要任何文件（wxpay help environment）。不在终端里时从不提问：缺什么，就以退出码 2 结束，并写明该用的选项和变量。\n\n加上 --json，标准输出是一个 JSON 文档，标准错误的最后一行是关于错误的 JSON。请按退出码分支：8 不能盲目重做，但同一条 wxpay refund 命令可以再执行（wxpay help exit-codes）。\n\n  wxpay order query T20261123_000001 --query trade_state\n\n按文件批量退款，先看计划：\n\n  wxpay refund batch refunds.csv --plan\n\n任务里再加上：--expect-total 核对总额，--yes --confirm 写明商户号，--report 输出报告。日志文件请作为制品在两次运行之间保留；丢了也不要紧，推导出来的单号会起同样的作用。多个执行机分别用 --shard 1/4 到 4/4，最后用 wxpay refund report merge 合并报告。\n\n密钥放进受保护的变量里，wxpay 从不打印它们。',
  'topics.emulator':
    '微信支付 APIv3 没有沙箱。模拟器就是自己机器上的一个严格的沙箱：验证每个签名，检查每个字段，维护订单和退款的状态，给应答签名，发送加密的回调。在这里出错的，到了微信支付同样会出错。\n\n  wxpay emulator start --port 8080\n\n第一次启动时，它会生成商户和密钥，并写好配置。其他使用 APIv3 的程序也可以用同一个商户：\n\n  wxpay emulator env\n\n扮演付款人，或者制造故障：\n\n  wxpay emulator pay T20261123_000001\n\n  wxpay emulator fault status --status 500 --count 1\n\n在服务运行期间轮换它的密钥：\n\n  wxpay emulator rotate\n\n它的证书都带有 EMULATOR 字样，wxpay 拒绝把它们用在正式域名上。',
};
