/** encrypt and decrypt: English texts. Keys are `crypt.<name>`; both languages hold the same keys and placeholders. */
export const crypt = {
  'crypt.argument.plaintext':
    '@file or - for standard input; asked for on a terminal. Never the text itself: it would stay in the shell history',
  'crypt.argument.plaintext_name': 'The plaintext',
  'crypt.hint.ciphertext': 'Give the ciphertext itself, @file, or - with something on standard input.',
  'crypt.argument.ciphertext': 'base64 of a field, @file, or - for standard input (default)',
  'crypt.option.serial': 'encrypt for this key (serial or PUB_KEY_ID); default: the one in use',
  'crypt.option.resource_type':
    'make a callback resource of this original_type with the APIv3 key instead, for tests of a receiver',
  'crypt.option.associated_data': 'associated_data of the resource; default: its original_type',
  'crypt.option.resource': 'a callback body or its resource: @file, - or the JSON itself',
  'crypt.ask.plaintext': 'Text to encrypt',
  'crypt.reason.not_utf8': 'it is not UTF-8',
  'crypt.hint.key': 'Run "wxpay certs list" to see the keys at hand.',
  'crypt.text.header': 'The request that carries the field must send this header: it names the key.',
  'crypt.note.unverified':
    'Decrypted with the APIv3 key. The signature was not looked at; "wxpay verify-callback" checks both.',
  'crypt.usage.one_input': 'Give either a ciphertext or --resource.',
  'crypt.example.encrypt': 'wxpay encrypt',
  'crypt.example.encrypt_file': 'wxpay encrypt @name.txt --json',
  'crypt.example.encrypt_resource': 'wxpay encrypt @order.json --resource-type transaction',
  'crypt.example.decrypt': 'wxpay decrypt @ciphertext.txt',
  'crypt.example.decrypt_resource': 'wxpay decrypt --resource @callback.json',
  'crypt.example.decrypt_json': 'wxpay decrypt --resource @callback.json --json --query resource.out_trade_no',
} as const;
