import type { profile as en } from '../en/profile.ts';

/** profile: 中文文案,键与占位符和英文一致。 */
export const profile: Readonly<Record<keyof typeof en, string>> = {
  'profile.reason.empty': '不能为空',
  'profile.reason.not_text': '不是合理长度的文本',
  'profile.reason.env_name': '应写成 env:变量名',
  'profile.reason.keychain_name': '应写成 keychain:名称,名称最多 128 个可见 ASCII 字符',
  'profile.reason.path': '必须是绝对路径',
  'profile.reason.public_key': '既不是 PEM 文本,也不是 file: 引用',
  'profile.reason.url': '不是 256 个字符以内的 http(s) 地址',
  'profile.reason.mchid': '商户号是 8 到 10 位数字',
  'profile.reason.appid': 'appid 最多 32 位字母和数字',
  'profile.reason.serial_no': '证书序列号是 8 到 40 位十六进制数',
  'profile.reason.public_key_id': '应为 PUB_KEY_ID_ 加数字',
  'profile.reason.not_object': '不是 JSON 对象',
  'profile.reason.version': '文件里必须有 "version": 1',
  'profile.reason.unknown_field': '配置没有这个字段',
  'profile.reason.not_string': '必须是字符串',
  'profile.reason.name': '配置名由 1 到 64 个字母、数字、- 或 _ 组成,并以字母或数字开头',
  'profile.reason.not_json': '不是 JSON',
  'profile.reason.not_json_line': '不是 JSON(第 {line} 行)',
  'profile.reason.too_large': '文件过大,不是商户配置',
  'profile.reason.symlink': '它是符号链接',
  'profile.reason.not_regular': '它不是普通文件',
  'profile.reason.owner': '它属于其他用户',
  'profile.hint.odd_file': '请换成你自己的普通文件;不会跟随链接,也不读取其他用户的文件。',
  'profile.hint.broken_in_place': '文件夹不可写,文件原样未动。请在原处修好。',
};
