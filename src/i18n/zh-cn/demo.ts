import type { demo as en } from '../en/demo.ts';

/** demo: 中文文案，键与占位符和英文一致。 */
export const demo: Readonly<Record<keyof typeof en, string>> = {
  'demo.intro': '在本机启动一个私有的微信支付和一次性商户，演示订单的一生。不涉及真实资金。',
  'demo.goods': '演示咖啡',
  'demo.step.emulator': '启动本地微信支付',
  'demo.step.profile': '把它的商户加为配置',
  'demo.step.create': 'Native 下单，付款人扫码',
  'demo.step.pay': '以付款人身份支付，微信支付发出回调',
  'demo.step.verify': '对收到的原始回调验签并解密',
  'demo.step.damaged': '改动其中一个字节，必须被拒绝',
  'demo.step.query': '查单',
  'demo.step.create_second': '再下一单（jsapi），并生成调起支付参数',
  'demo.step.close': '关闭它',
  'demo.step.certs': '下载并验证平台证书',
  'demo.done': '全部 {count} 步均已检查，结果正确。',
  'demo.next': '接下来：用 "wxpay emulator start" 启动自己的本地微信支付，或用 "wxpay profile add" 添加商户。',
  'demo.example.demo': 'wxpay demo --lang zh-CN',
  'demo.example.demo_json': 'wxpay demo --json',
};
