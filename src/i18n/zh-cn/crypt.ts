import type { crypt as en } from '../en/crypt.ts';

/** encrypt 与 decrypt：中文文案，键与占位符和英文一致。 */
export const crypt: Readonly<Record<keyof typeof en, string>> = {
  'crypt.argument.plaintext': '@文件，或 - 表示标准输入；在终端上会询问。不接受明文本身：它会留在命令历史里',
  'crypt.argument.plaintext_name': '明文',
  'crypt.hint.ciphertext': '直接写密文，或 @文件；写 - 则从标准输入读取。',
  'crypt.argument.ciphertext': '字段密文（base64）、@文件，或 - 表示标准输入（默认）',
  'crypt.option.serial': '用这把密钥加密（证书序列号或 PUB_KEY_ID）；默认为正在使用的那个',
  'crypt.option.resource_type': '改为用 APIv3 密钥生成此 original_type 的回调资源，供测试接收端',
  'crypt.option.associated_data': '资源的 associated_data；默认与 original_type 相同',
  'crypt.option.resource': '回调报文或其中的 resource：@文件、- 或 JSON 本身',
  'crypt.ask.plaintext': '要加密的内容',
  'crypt.reason.not_utf8': '它不是 UTF-8',
  'crypt.hint.key': '运行 "wxpay certs list" 查看手头有哪些密钥。',
  'crypt.text.header': '携带该字段的请求必须带上这个标头：它指明加密所用的密钥。',
  'crypt.note.unverified': '已用 APIv3 密钥解密。没有验签；"wxpay verify-callback" 两者都会检查。',
  'crypt.usage.one_input': '密文和 --resource 只能给一个。',
  'crypt.example.encrypt': 'wxpay encrypt',
  'crypt.example.encrypt_file': 'wxpay encrypt @name.txt --json',
  'crypt.example.encrypt_resource': 'wxpay encrypt @order.json --resource-type transaction',
  'crypt.example.decrypt': 'wxpay decrypt @ciphertext.txt',
  'crypt.example.decrypt_resource': 'wxpay decrypt --resource @callback.json',
  'crypt.example.decrypt_json': 'wxpay decrypt --resource @callback.json --json --query resource.out_trade_no',
};
