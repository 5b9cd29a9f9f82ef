/**
 * Every documented APIv3 endpoint, as data: what `wxpay api` knows of a path before it is called. Facts (method, path, title,
 * product, body, audience, documentation page) extracted from the API descriptions of TheNorthMemory/wechatpay-openapi (MIT), which
 * follow WeChat Pay's documentation; which of the POSTs only read was decided by hand. Titles are WeChat Pay's own words.
 *
 * `# product` heads its endpoints: method, marks, page, path, title. Marks: `m` merchants, `p` service providers, `b` both; `j` JSON
 * body, `f` multipart; `e` answers with 204; `u` the answer is not signed; `r` a POST that only reads; `h` on the overseas host;
 * `d` no longer offered. Page: `m…` and `p…` are numbers below /doc/v3/merchant/ and /doc/v3/partner/.
 */
export const catalogueText = `
# 跨境∙报关
GET hdb - /global/v3/customs/orders 报关查询API
PATCH jhdb - /global/v3/customs/orders 报关信息修改API
POST jhdb - /global/v3/customs/orders 报关API
POST jhdb - /global/v3/customs/redeclare 报关重推API
POST jhdb - /global/v3/customs/verify-certificate 身份信息校验API
GET hb - /v3/global/customs/orders 报关查询API
PATCH jhb - /v3/global/customs/orders 报关信息修改API
POST jhb - /v3/global/customs/orders 报关API
POST jhb - /v3/global/customs/redeclare 报关重推API
POST jhb - /v3/global/customs/verify-certificate 身份信息校验API
# 跨境
GET db m4012551764 /hk/v3/certificates 获取平台证书列表
GET db - /hk/v3/settle/settlements 查询结算资金明细API
GET udb - /hk/v3/statements 下载对账单
GET hb - /v3/global/certificates 获取平台证书列表
GET hp - /v3/global/refund/partner/recharge-balance/sub-mchid/{sub_mchid} 商家充值退款余额查询
GET hm - /v3/global/refund/recharge-balance 商家充值退款余额查询
GET hb - /v3/global/settle/settlements 查询结算资金明细API
GET uhb - /v3/global/statements 下载对账单
# 跨境∙进件
POST jdp - /hk/v3/merchants 子商户进件（融合钱包）
PUT jdp - /hk/v3/merchants 修改子商户（融合钱包）
GET dp - /hk/v3/merchants/{sub_mchid} 查询子商户（融合钱包）
POST jhp - /v3/global/merchants 子商户进件（融合钱包）
GET hp - /v3/global/merchants/{sub_mchid} 查询子商户（融合钱包）
PATCH jhp - /v3/global/merchants/{sub_mchid} 修改子商户（融合钱包）
# 跨境∙退款
GET db - /hk/v3/refunds 查询所有退款
POST jdb - /hk/v3/refunds 申请退款
GET db - /hk/v3/refunds/id/{refund_id} 查询单笔退款(微信支付退款订单号)
GET db - /hk/v3/refunds/out-refund-no/{out_refund_no} 查询单笔退款(商户退款订单号)
GET hb - /v3/global/refunds 查询所有退款
POST jhb - /v3/global/refunds 申请退款
GET hb - /v3/global/refunds/id/{refund_id} 查询单笔退款(微信支付退款订单号)
GET hb - /v3/global/refunds/out-refund-no/{out_refund_no} 查询单笔退款(商户退款订单号)
# 跨境∙支付
POST jdb - /hk/v3/transactions/app APP支付下单
GET db - /hk/v3/transactions/id/{transaction_id} 查询订单(微信支付订单号)
POST jedb - /hk/v3/transactions/id/{transaction_id}/close 关闭订单(微信支付订单号)
POST jedb - /hk/v3/transactions/id/{transaction_id}/reverse 撤销订单(微信支付订单号)
POST jdb - /hk/v3/transactions/jsapi 小程序/公众号支付下单
POST jdb - /hk/v3/transactions/micropay 提交付款码支付
POST jdb - /hk/v3/transactions/mweb H5支付下单
POST jdb - /hk/v3/transactions/native 扫码支付下单
GET db - /hk/v3/transactions/out-trade-no/{out_trade_no} 查询订单(商户订单号)
POST jedb - /hk/v3/transactions/out-trade-no/{out_trade_no}/close 关闭订单(商户订单号)
POST jedb - /hk/v3/transactions/out-trade-no/{out_trade_no}/reverse 撤销订单(商户订单号)
POST jehb - /v3/global/micropay/transactions/id/{transaction_id}/reverse 撤销订单(微信支付订单号)
POST jehb - /v3/global/micropay/transactions/out-trade-no/{out_trade_no}/reverse 撤销订单(商户订单号)
POST jhb - /v3/global/micropay/transactions/pay 提交付款码支付
POST jhb - /v3/global/transactions/app APP支付下单
GET hb - /v3/global/transactions/id/{transaction_id} 查询订单(微信支付订单号)
POST jehb - /v3/global/transactions/id/{transaction_id}/close 关闭订单(微信支付订单号)
POST jhb - /v3/global/transactions/jsapi JSAPI支付下单API
POST jhb - /v3/global/transactions/mweb H5支付下单
POST jhb - /v3/global/transactions/native Native支付下单API
GET hb - /v3/global/transactions/out-trade-no/{out_trade_no} 查询订单(商户订单号)
POST jehb - /v3/global/transactions/out-trade-no/{out_trade_no}/close 关闭订单(商户订单号)
# 收付通∙个人收款
GET p p4015408031 /v3/abnormal-fund-processing/receipts/{receipt_id} 查询在途异常资金付款结果
POST jp p4015408022 /v3/abnormal-fund-processing/receipts/{receipt_id}/transfer-instructions 发起在途异常资金付款指令
GET p p4016636882 /v3/abnormal-fund-processing/receipts/{receipt_id}/transfer-instructions/{out_instruction_no} 查询在途异常资金付款指令执行结果
GET b p4012602242 /v3/combine-transactions/id/{combine_transaction_id} 个人收款交易通过微信支付订单号查单
GET p p4015851492 /v3/ecommerce/individual-contracts/out-contract-code/{out_contract_code} 根据业务申请单号查签约信息
POST jp p4020083765 /v3/ecommerce/individual-contracts/pre-entrust-sign-with-real-name-identity/app APP场景预签约（需要实名验证）
POST jp p4020023723 /v3/ecommerce/individual-contracts/pre-entrust-sign-with-real-name-identity/mini-program 小程序场景预签约（需要实名验证）
POST jp p4015851472 /v3/ecommerce/individual-contracts/pre-entrust-sign/app APP场景预签约
POST jp p4020023636 /v3/ecommerce/individual-contracts/pre-entrust-sign/mini-program 小程序场景预签约
GET b p4012739528 /v3/ecommerce/individual-contracts/{openid} 查询个人收款方授权结果
POST jb p4012649847 /v3/platsolution/ecommerce/settle/prepay-settle-orders 个人收款-申请批量结算
POST jp p4015198012 /v3/platsolution/ecommerce/settle/prepay-settle-orders/{settle_batch_no}/apply-abnormal-settle 个人收款-申请异常结算批次单处理
# 渠道服务
GET m m4016061186 /v3/aggracct-bc/wb-channel/account/balance 查询渠道额度
GET m m4016642632 /v3/aggracct-bc/wb-channel/account/mch_archives 查询商户资料
GET m m4025779210 /v3/aggracct-bc/wb-channel/account/mch_media 查询商户影像件资料
POST jm m4018968078 /v3/aggracct-bc/wb-channel/bank-channel-account/rename 受理渠道结算银行账户更名申请
GET m m4018968051 /v3/aggracct-bc/wb-channel/bank-channel-account/rename/{application_id} 查询渠道结算银行账户更名申请
POST jm m4016080141 /v3/aggracct-bc/wb-channel/control-orders/info/update/result/notify 资料更新请求审核结果回调通知
POST jm m4016025247 /v3/aggracct-bc/wb-channel/control-orders/punish 发起微众台账管控
POST jm m4016025279 /v3/aggracct-bc/wb-channel/control-orders/recover 解除对微众台账的管控
GET m m4016025274 /v3/aggracct-bc/wb-channel/control-orders/{out_request_no} 查询控制单
POST jm m4016061190 /v3/aggracct-bc/wb-channel/special-reduction 特殊减额
GET m m4016061196 /v3/aggracct-bc/wb-channel/special-reduction/{out_request_no} 查询特殊减额结果
# 服务商∙进件; 收付通∙进件
GET p p4012721475 /v3/apply4sub/sub_merchants/{sub_mchid}/application/{application_no} 查询结算账户修改申请状态
POST jp p4012721277 /v3/apply4sub/sub_merchants/{sub_mchid}/modify-settlement 修改结算帐号API
GET p p4012721295 /v3/apply4sub/sub_merchants/{sub_mchid}/settlement 查询结算账户API
# 风险合规∙开户意愿确认
GET p p4012697715 /v3/apply4subject/applyment 查询商户开户意愿申请单审核结果API
POST jp p4012697715 /v3/apply4subject/applyment 提交商户开户意愿申请单API
GET p p4012467549 /v3/apply4subject/applyment/merchants/{sub_mchid}/state 获取商户开户意愿确认状态API
POST ep p4012697627 /v3/apply4subject/applyment/{applyment_id}/cancel 撤销商户开户意愿申请单API
POST ep p4012697627 /v3/apply4subject/applyment/{business_code}/cancel 撤销商户开户意愿申请单API
# 服务商∙进件
POST jp p4012719997 /v3/applyment4sub/applyment/ 提交申请单API
GET p p4012697052 /v3/applyment4sub/applyment/applyment_id/{applyment_id} 通过申请单号查询申请状态
GET p p4012697168 /v3/applyment4sub/applyment/business_code/{business_code} 通过业务申请编号查询申请状态
# 资金应用∙转账∙银行模式
GET p p4012470770 /v3/bank-batch-transfer/receipt/detail-receipts 查询明细电子回单受理结果API
POST jp p4012470770 /v3/bank-batch-transfer/receipt/detail-receipts 受理明细电子回单API
GET p p4012470746 /v3/bank-batch-transfer/receipt/summary-receipts 查询汇总电子回单受理结果API
POST jp p4012470746 /v3/bank-batch-transfer/receipt/summary-receipts 受理汇总电子回单API
POST jp p4012465889 /v3/bank-transfer/batches 发起批量转账API
GET p p4012465891 /v3/bank-transfer/batches/batch-id/{batch_id} 微信支付批次单号查询批次单API
GET p p4012465897 /v3/bank-transfer/batches/batch-id/{batch_id}/details/detail-id/{detail_id} 微信支付明细单号查询明细单API
GET p p4012465903 /v3/bank-transfer/batches/out-batch-no/{out_batch_no} 银行批次单号查询批次单API
GET p p4012465915 /v3/bank-transfer/batches/out-batch-no/{out_batch_no}/details/out-detail-no/{out_detail_no} 银行明细单号查询明细单API
# 基础支付∙账单; 收付通∙账单
GET b m4012551886 /v3/bill/fundflowbill 申请资金账单API
GET b m4012551932 /v3/bill/tradebill 申请交易账单API
# 基础支付∙账单; 收付通∙账单; 运营工具∙用工卡
GET p p4012710630 /v3/bill/sub-merchant-fundflowbill 申请单个子商户资金账单API
GET ub m4012062348 /v3/billdownload/file 下载账单API
# 经营工具∙品牌入驻
GET p p4017410365 /v3/brand-basic/partner/brands/{brand_id}/product-authorities 获得品牌已授权且在生效中的产品权限信息
POST jp p4016249989 /v3/brand/applyments 提交入驻申请
GET p p4016257685 /v3/brand/applyments/applyment-id/{applyment_id} 根据申请单ID查询申请状态
GET p p4016257694 /v3/brand/applyments/business-code/{business_code} 根据业务申请编号查询申请状态
POST jp p4016257700 /v3/brand/applyments/cancel-applyment 撤销申请
# 品牌∙商家名片配置
GET p p4016468440 /v3/brand/card/card-configs 查询商家名片配置申请状态
POST jp p4016468440 /v3/brand/card/card-configs 提交商家名片配置申请
POST jp p4016475172 /v3/brand/card/card-configs/cancel-applyment 撤销商家名片配置申请
GET p p4016641998 /v3/brand/card/card-configs/preview-url 获取商家名片预览二维码
POST jp p4016475176 /v3/brand/card/card-configs/publish 发布商家名片配置
# 品牌∙交易连接名片
GET p p4016333302 /v3/brand/card/card-links 查询已生效交易连接名片规则
POST jp p4016333302 /v3/brand/card/card-links 添加交易连接名片规则申请
GET p p4016366816 /v3/brand/card/card-links/business-code/{business_code} 根据业务申请编号查询添加申请状态
POST jp p4016366797 /v3/brand/card/card-links/cancel-applyment 撤销交易连接名片配置申请
POST jp p4016366804 /v3/brand/card/card-links/unbind-card-link 解除已生效交易连接名片场景
# 经营工具∙摇优惠
GET p p4015783259 /v3/brand/marketing/shake-activities/activities 查询摇优惠活动列表
# 商家名片会员
GET p p4015336970 /v3/brand/partner/card-member/cards 查询会员卡模板列表
POST jp p4015336970 /v3/brand/partner/card-member/cards 创建会员卡模板
DELETE p p4015336972 /v3/brand/partner/card-member/cards/{card_id} 删除会员卡模板
GET p p4015336972 /v3/brand/partner/card-member/cards/{card_id} 查询会员卡模板信息
PATCH jp p4015336972 /v3/brand/partner/card-member/cards/{card_id} 修改会员卡模板信息
POST jp p4015336972 /v3/brand/partner/card-member/cards/{card_id}/invalidate 作废会员卡模板
POST jp p4016834476 /v3/brand/partner/card-member/pay-view-tokens 品牌会员展示付款码组件预授权
POST jp p4015336986 /v3/brand/partner/card-member/pre-auth-tokens 入会组件预授权
GET p p4015336984 /v3/brand/partner/card-member/user-cards 查询用户在品牌下所有会员卡
POST jp p4015336981 /v3/brand/partner/card-member/user-cards/import-by-openid 根据openid导入用户会员卡
POST jp p4015336982 /v3/brand/partner/card-member/user-cards/import-by-phone 根据手机号导入用户会员卡
GET p p4015336980 /v3/brand/partner/card-member/user-cards/{user_card_code} 查询用户会员卡信息
PATCH jp p4015336980 /v3/brand/partner/card-member/user-cards/{user_card_code} 修改用户会员卡信息
POST jp p4015336979 /v3/brand/partner/card-member/user-cards/{user_card_code}/confirm 同步会员开通结果
POST jp p4015336983 /v3/brand/partner/card-member/user-cards/{user_card_code}/invalidate 作废用户会员卡
POST jp p4015336987 /v3/brand/partner/card-member/user-feeds 创建用户动态信息
POST jp p4015897268 /v3/brand/partner/card-member/user-points/exchange-coupon/confirm 同步积分兑券结果
POST jp p4015897280 /v3/brand/partner/card-member/user-points/sync 同步积分余额
# 商家名片会员活动
GET p p4016464918 /v3/brand/partner/card-member/membership-activities 查询品牌会员发券活动列表
POST jp p4016464918 /v3/brand/partner/card-member/membership-activities 创建品牌会员发券活动
GET p p4016588015 /v3/brand/partner/card-member/membership-activities/{activity_id} 查询品牌会员发券活动
PATCH jp p4016588015 /v3/brand/partner/card-member/membership-activities/{activity_id} 修改品牌会员发券活动信息
POST jp p4016588028 /v3/brand/partner/card-member/membership-activities/{activity_id}/terminate 终止品牌会员发券活动
# 经营工具∙品牌门店
GET p p4015783183 /v3/brand/partner/store/brandstores 列表查询品牌门店信息
POST jp p4015783183 /v3/brand/partner/store/brandstores 创建品牌门店
DELETE jep p4015783113 /v3/brand/partner/store/brandstores/{store_id} 删除品牌门店
GET p p4015783113 /v3/brand/partner/store/brandstores/{store_id} 查询品牌门店
PATCH jp p4015783113 /v3/brand/partner/store/brandstores/{store_id} 更新品牌门店
POST jp p4015783177 /v3/brand/partner/store/brandstores/{store_id}/bindrecipient 绑定收款商户号
POST jp p4016756671 /v3/brand/partner/store/brandstores/{store_id}/close 暂停门店营业
POST jp p4016756672 /v3/brand/partner/store/brandstores/{store_id}/resume 恢复门店营业
POST jp p4015783188 /v3/brand/partner/store/brandstores/{store_id}/unbindrecipient 解绑收款商户号
# 经营工具∙连锁品牌∙分账
GET p p4012467022 /v3/brand/profitsharing/brand-configs/{brand_mchid} 查询最大分账比例API
POST jp p4012467016 /v3/brand/profitsharing/finish-order 完结分账API
GET p p4012467002 /v3/brand/profitsharing/orders 查询分账结果API
POST jp p4012467002 /v3/brand/profitsharing/orders 请求分账API
GET p p4012467021 /v3/brand/profitsharing/orders/{transaction_id}/amounts 查询订单剩余待分金额API
POST jp p4012467100 /v3/brand/profitsharing/receivers/add 添加分账接收方API
POST jp p4012467103 /v3/brand/profitsharing/receivers/delete 删除分账接收方API
GET p p4012467011 /v3/brand/profitsharing/returnorders 查询分账回退结果API
POST jp p4012467011 /v3/brand/profitsharing/returnorders 请求分账回退API
# 经营工具∙智慧商圈
POST jeb m4012535502 /v3/businesscircle/parkings 商圈会员停车状态同步
POST jeb m4012534698 /v3/businesscircle/points/notify 商圈会员积分同步
GET b m4012534848 /v3/businesscircle/user-authorizations/{openid} 商圈积分授权查询
GET eb m4012534994 /v3/businesscircle/users/{openid}/points/commit_status 商圈会员待积分状态查询
# 通用接口
GET p p4012698641 /v3/capital/capitallhh/areas/provinces 查询省份列表API
GET p p4012697470 /v3/capital/capitallhh/areas/provinces/{province_code}/cities 查询城市列表API
GET p p4012697626 /v3/capital/capitallhh/banks/corporate-banking 查询支持对公业务的银行列表API
GET p p4012697583 /v3/capital/capitallhh/banks/personal-banking 查询支持个人业务的银行列表API
GET p p4012697541 /v3/capital/capitallhh/banks/search-banks-by-bank-account 获取对私银行卡号开户银行API
GET p p4012697673 /v3/capital/capitallhh/banks/{bank_alias_code}/branches 查询支行列表API
GET b m4012551764 /v3/certificates 获取平台证书列表
POST fb p4012759044 /v3/merchant/media/upload 文件上传
POST fb p4012761084 /v3/merchant/media/video_upload 视频上传API
POST jp p4012698774 /v3/rate-activity/applications 报名费率优惠活动API
GET p p4012471722 /v3/rate-activity/applications/id/{application_id} 根据申请单ID查询申请单结果API
PATCH jp p4012471722 /v3/rate-activity/applications/id/{application_id} 修改单据信息API
# 经营工具∙微信点餐
POST jep - /v3/catering/orders/sync-status 点餐订单信息同步（渠道商/服务商）
# 基础支付∙合单; 收付通∙合单
POST jb m4012545465 /v3/combine-transactions/app 合单下单-APP支付API
POST jb m4012545879 /v3/combine-transactions/h5 合单下单-H5支付API
POST jb m4012545654 /v3/combine-transactions/jsapi 合单下单-JSAPI支付API
POST jb m4012545465 /v3/combine-transactions/native 合单下单-Native支付API
# 未分类
POST jb p4012602225 /v3/combine-transactions/miniprogram 个人收款交易下单-小程序
GET b p4012650326 /v3/platsolution/ecommerce/settle/prepay-settle-orders/{settle_batch_no} 个人收款-查询批量结算信息
# 基础支付∙合单; 收付通∙合单; 收付通∙个人收款
GET b m4012551745 /v3/combine-transactions/out-trade-no/{combine_out_trade_no} 合单查询订单API
POST jeb m4012551793 /v3/combine-transactions/out-trade-no/{combine_out_trade_no}/close 合单关闭订单API
# 风险合规∙不活跃商户身份核实
POST jp p4012471357 /v3/compliance/inactive-merchant-identity-verification/merchants 发起不活跃商户身份核实
GET p p4012471359 /v3/compliance/inactive-merchant-identity-verification/merchants/{sub_mchid}/verifications/{verification_id} 查询不活跃商户身份核实结果
# 自动还款
POST jp p4016125804 /v3/credit-repayment/partner/contracts/app-presign APP预签约自动还款协议
POST jp p4016779565 /v3/credit-repayment/partner/contracts/h5-presign H5预签约自动还款协议
POST jp p4016125830 /v3/credit-repayment/partner/contracts/terminate 解除自动还款协议
GET p p4016125810 /v3/credit-repayment/partner/contracts/{out_contract_code} 查询自动还款协议
POST jp p4016779462 /v3/credit-repayment/partner/deduct-orders 发起还款
GET p p4016779468 /v3/credit-repayment/partner/deduct-orders/{out_trade_no} 查询还款单
POST jp p4016779459 /v3/credit-repayment/partner/schedule-records/batch-create 预约还款
GET p p4016779463 /v3/credit-repayment/partner/schedule-records/{out_record_id} 查询预约还款记录
# 支付分∙先享卡
POST jm - /v3/discount-card/cards 预受理领卡请求API
GET m - /v3/discount-card/cards/{out_card_code} 查询先享卡订单API
POST jem - /v3/discount-card/cards/{out_card_code}/add-user-records 增加用户记录API
GET dm - /v3/discount-card/orders/out-trade-no/{out_trade_no} 通过先享卡订单号查询订单API
GET dm - /v3/discount-card/orders/{out_order_no} 通过先享卡订单号查询订单API
PATCH jdm - /v3/discount-card/orders/{out_order_no} 更新先享卡订单API
# 电动自行车行业代扣
POST jdb - /v3/ebike/charge/contracts/preopen 预开通服务API
GET db - /v3/ebike/charge/contracts/{contract_id} 通过签约号查询用户状态API
POST jdb - /v3/ebike/charge/contracts/{contract_id}/confirm 创建用户当次充电代扣凭证API
POST jdb - /v3/ebike/charge/transactions 充电自行车代扣受理扣款API
GET db - /v3/ebike/charge/transactions/id/{transaction_id} 查询订单API
GET db - /v3/ebike/charge/transactions/out-trade-no/{out_trade_no} 查询订单API
GET db - /v3/ebike/charge/users/{openid}/contract 通过用户标识查询用户状态API
# 收付通∙注销
POST jp p4013892756 /v3/ecommerce/account/apply-cancel-withdraw 提交注销提现申请
GET p p4013892765 /v3/ecommerce/account/apply-cancel-withdraw/applyment-id/{applyment_id} 微信支付注销提现申请单号查询申请单状态
POST jp p4013892772 /v3/ecommerce/account/apply-cancel-withdraw/confirm 平台代商户确认注销
GET p p4013892759 /v3/ecommerce/account/apply-cancel-withdraw/out-request-no/{out_request_no} 商户注销提现申请单号查询申请单状态
GET p p4016420099 /v3/ecommerce/account/apply-cancel-withdraw/validate-cancel/{sub_mchid} 商户注销资格校验
POST jp p4012476217 /v3/ecommerce/account/cancel-applications 提交注销申请单
POST fp p4012691710 /v3/ecommerce/account/cancel-applications/media 图片上传API
GET p p4012476223 /v3/ecommerce/account/cancel-applications/out-apply-no/{out_apply_no} 查询注销单状态
# 收付通∙进件
POST jp p4012713017 /v3/ecommerce/applyments/ 二级商户进件API
GET p p4012691376 /v3/ecommerce/applyments/out-request-no/{out_request_no} 通过业务申请编号查询申请状态
POST p p4015616721 /v3/ecommerce/applyments/out-request-no/{out_request_no}/revoke 撤销申请单-使用业务申请编号
POST jp p4015616688 /v3/ecommerce/applyments/submit-account-hosting-applyment 提交申请单
POST jp p4015616722 /v3/ecommerce/applyments/submit-sign-verify-info 平台代理签约核身
GET p p4012691469 /v3/ecommerce/applyments/{applyment_id} 通过申请单ID查询申请状态
POST p p4015616720 /v3/ecommerce/applyments/{applyment_id}/revoke 撤销申请单-使用申请单号
GET p p4033742105 /v3/ecommerce/subject-sub-merchants 查询指定主体子商户列表
# 收付通∙账单
GET p p4012760697 /v3/ecommerce/bill/fundflowbill 申请二级商户资金账单API
# 收付通∙合单代扣
GET p p4012884060 /v3/ecommerce/combine-papay/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code} 通过商户协议号查询协议API
POST jp p4012884072 /v3/ecommerce/combine-papay/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code}/terminate 商户协议号解约协议API
POST jp p4012881608 /v3/ecommerce/combine-papay/contracts/pre-entrust-sign APP方式预签约API
POST jp p4017177322 /v3/ecommerce/combine-papay/contracts/pre-entrust-sign/mini-program 小程序方式预签约API
POST jp p4012884121 /v3/ecommerce/combine-papay/transactions 电商合单委托代扣支付API
GET p p4012884130 /v3/ecommerce/combine-papay/transactions/{combine_out_trade_no} 电商合单委托代扣查询订单API
POST jep p4012884126 /v3/ecommerce/combine-papay/transactions/{combine_out_trade_no}/reverse 电商合单委托代扣撤销订单API
# 收付通∙余额; 运营工具∙用工卡
GET p p4012476690 /v3/ecommerce/fund/balance/{sub_mchid} 查询二级商户账户实时余额API
GET p p4012476700 /v3/merchant/fund/balance/{account_type} 查询账户实时余额API
GET p p4012476702 /v3/merchant/fund/dayendbalance/{account_type} 查询账户日终余额API
# 收付通∙余额
GET p p4012476693 /v3/ecommerce/fund/enddaybalance/{sub_mchid} 查询二级商户账户日终余额API
# 收付通∙提现; 运营工具∙用工卡
POST jp p4012476652 /v3/ecommerce/fund/withdraw 账户余额提现API
GET p p4012476656 /v3/ecommerce/fund/withdraw/out-request-no/{out_request_no} 商户提现单号查询
GET p p4012476665 /v3/ecommerce/fund/withdraw/{withdraw_id} 微信支付提现单号查询
GET p p4012476678 /v3/merchant/fund/withdraw/bill-type/{bill_type} 按日下载提现异常文件API
# 收付通∙转账
POST jp p4013504208 /v3/ecommerce/mch-transfer/authorizations 申请二级商户商家转账授权
GET p p4013504209 /v3/ecommerce/mch-transfer/authorizations/{sub_mchid} 查询二级商户商家转账授权状态
POST jp p4013504211 /v3/ecommerce/mch-transfer/transfer-bills 发起转账
GET p p4013504213 /v3/ecommerce/mch-transfer/transfer-bills/out-bill-no/{out_bill_no} 商户单号查询转账单
POST jp p4013504212 /v3/ecommerce/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel 撤销转账
GET p p4013504214 /v3/ecommerce/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no} 微信转账单号查询转账单
# 收付通∙分账
GET p - /v3/ecommerce/profitsharing/after-sales-orders 查询售后服务分账结果
POST jp - /v3/ecommerce/profitsharing/after-sales-orders 请求售后服务分账
POST jp p4012477745 /v3/ecommerce/profitsharing/finish-order 完结分账API
GET p p4012477734 /v3/ecommerce/profitsharing/orders 查询分账结果API
POST jp p4012477734 /v3/ecommerce/profitsharing/orders 请求分账API
GET p p4012477751 /v3/ecommerce/profitsharing/orders/{transaction_id}/amounts 查询订单剩余待分金额API
POST jp p4012477758 /v3/ecommerce/profitsharing/receivers/add 添加分账接收方API
POST jp p4012477759 /v3/ecommerce/profitsharing/receivers/delete 删除分账接收方API
GET p p4012477737 /v3/ecommerce/profitsharing/returnorders 查询分账回退结果API
POST jp p4012477737 /v3/ecommerce/profitsharing/returnorders 请求分账回退API
# 收付通∙退款; 收付通∙个人收款
POST jb p4012476892 /v3/ecommerce/refunds/apply 退款申请API
GET b p4012476908 /v3/ecommerce/refunds/id/{refund_id} 通过微信支付退款单号查询退款
GET b p4012476911 /v3/ecommerce/refunds/out-refund-no/{out_refund_no} 通过商户退款单号查询退款
POST jp p4012649274 /v3/ecommerce/refunds/{refund_id}/apply-abnormal-refund 发起异常退款
# 收付通∙退款
GET p p4012476916 /v3/ecommerce/refunds/{refund_id}/return-advance 查询垫付回补结果API
POST jp p4012476916 /v3/ecommerce/refunds/{refund_id}/return-advance 垫付退款回补API
# 收付通∙补差
POST jp p4012477639 /v3/ecommerce/subsidies/cancel 取消补差API
POST jp p4012477631 /v3/ecommerce/subsidies/create 请求补差API
POST jp p4012477636 /v3/ecommerce/subsidies/return 请求补差回退API
# 教育续费通
GET b m4012522951 /v3/edu-papay/contracts/id/{contract_id} 通过协议号查询签约API
POST jb m4012522560 /v3/edu-papay/contracts/presign 预签约API
DELETE eb m4012466882 /v3/edu-papay/contracts/{contract_id} 解约API
POST jeb m4012524731 /v3/edu-papay/transactions 教育通扣款受理API
GET b m4012523468 /v3/edu-papay/transactions/id/{transaction_id} 微信订单号查单API
GET b m4012523591 /v3/edu-papay/transactions/out-trade-no/{out_trade_no} 商户订单号查单API
POST jeb m4012524814 /v3/edu-papay/user-notifications/{contract_id}/send 发送扣款预通知API
GET b m4012523265 /v3/edu-papay/user/{openid}/contracts 通过用户标识查询签约API
# 学生卡身份权益
GET m - /v3/edu-star/orders 通过QQ账号查询核销订单列表API
POST jm - /v3/edu-star/orders 创建核销订单API
GET m - /v3/edu-star/users/openid/{wechat_openid} 通过微信用户标识查询用户信息API
GET m - /v3/edu-star/users/qq/{qq} 通过QQ账号查询用户信息API
# 校园轻松付
POST jp p4012468952 /v3/eduschoolpay/contracts/presign 预签约API
GET p p4012468959 /v3/eduschoolpay/contracts/{contract_id} 通过协议号查询签约API
POST ep p4012469025 /v3/eduschoolpay/contracts/{contract_id}/terminate 商户主动解约API
POST jp p4012469030 /v3/eduschoolpay/transactions 扣款API
GET p p4012469063 /v3/eduschoolpay/transactions/id/{transaction_id} 微信支付订单号查单API
GET p p4012469097 /v3/eduschoolpay/transactions/out-trade-no/{out_trade_no} 商户订单号查单API
GET p p4012468993 /v3/eduschoolpay/users/{openid}/contracts 查询用户签约列表API
GET p p4012469161 /v3/eduschoolpay/users/{openid}/debt-state 商户查询用户欠款状态API
# 微信寄快递
POST jp - /v3/express/users/{openid}/transform 用户openid转换API
# 刷脸支付
GET p - /v3/facemch/users/{face_sid} 查询用户授权的实名信息
GET p - /v3/iotmanage/device-inspections/{device_sn} 获取出厂检查结果
GET p - /v3/iotmanage/devices 智能设备列表
POST jp - /v3/offlineface/authinfo 获取authinfo接口
POST jp - /v3/offlineface/contracts/presign 预签约接口
GET p - /v3/offlineface/contracts/{contract_id} 签约查询接口
GET p - /v3/offlineface/face-collections 查询重采用户列表
GET p - /v3/offlineface/face-collections/{collection_id} 查询重采请求详情
POST jp - /v3/offlineface/repayment-url 获取还款链接接口
POST jp - /v3/offlineface/transactions 申请扣款接口
GET p - /v3/offlineface/transactions/out-trade-no/{out_trade_no} 查单接口
GET p - /v3/offlinefacemch/organizations 查询机构信息接口
GET p - /v3/offlinefacemch/organizations/{organization_id}/users/out-user-id/{out_user_id} 刷脸用户信息查询接口
PATCH jep - /v3/offlinefacemch/organizations/{organization_id}/users/out-user-id/{out_user_id} 刷脸用户信息修改接口
POST ep - /v3/offlinefacemch/organizations/{organization_id}/users/user-id/{user_id}/terminate-contract 解除刷脸用户签约关系接口
POST jp - /v3/offlinefacemch/tokens 获取凭证授权接口
# 品牌红包
POST jm m4014310358 /v3/fund-app/brand-redpacket/brand-merchant-batches 品牌商户发放红包
GET m m4014310369 /v3/fund-app/brand-redpacket/brand-merchant-batches/{batch_no} 微信支付批次单号查询批次单
GET m m4014310384 /v3/fund-app/brand-redpacket/brand-merchant-batches/{batch_no}/details/{detail_no} 商家明细单号查询明细单
GET m m4014310378 /v3/fund-app/brand-redpacket/brand-merchant-out-batches/{out_batch_no} 商家批次单号查询批次单
GET m m4014310391 /v3/fund-app/brand-redpacket/brand-merchant-out-batches/{out_batch_no}/out-details/{out_detail_no} 商家明细单号查询明细单
# 资金应用∙转账∙用户确认模式
POST jm m4012716452 /v3/fund-app/mch-transfer/elecsign/out-bill-no 商户单号申请电子回单
GET m m4012716436 /v3/fund-app/mch-transfer/elecsign/out-bill-no/{out_bill_no} 商户单号查询电子回单
POST jm m4012716456 /v3/fund-app/mch-transfer/elecsign/transfer-bill-no 微信单号申请电子回单
GET m m4012716455 /v3/fund-app/mch-transfer/elecsign/transfer-bill-no/{transfer_bill_no} 微信单号查询电子回单
POST jp p4016315516 /v3/fund-app/mch-transfer/partner/electronic-receipts 申请单笔转账电子回单
GET p p4016315544 /v3/fund-app/mch-transfer/partner/electronic-receipts/{out_bill_no} 查询单笔转账电子回单
POST jp p4015469102 /v3/fund-app/mch-transfer/partner/sub-mch-authorizations 申请子商户商家转账授权
GET p p4015469112 /v3/fund-app/mch-transfer/partner/sub-mch-authorizations/{sub_mchid} 查询子商户商家转账授权状态
POST jp p4015469096 /v3/fund-app/mch-transfer/partner/transfer-bills 发起转账
GET p p4015469131 /v3/fund-app/mch-transfer/partner/transfer-bills/out-bill-no/{out_bill_no} 商户单号查询转账单
POST jp p4015469118 /v3/fund-app/mch-transfer/partner/transfer-bills/out-bill-no/{out_bill_no}/cancel 撤销转账
POST jp p4016809843 /v3/fund-app/mch-transfer/partner/transfer-bills/pre-transfer-with-authorization 发起转账并完成自动收款授权
POST jp p4016809837 /v3/fund-app/mch-transfer/partner/transfer-bills/transfer 转账（用户自动收款）
POST jp p4016809861 /v3/fund-app/mch-transfer/partner/user-confirm-authorizations 申请免确认收款授权
GET p p4016809859 /v3/fund-app/mch-transfer/partner/user-confirm-authorizations/{out_authorization_no} 商户单号查询自动收款授权
POST p p4016809851 /v3/fund-app/mch-transfer/partner/user-confirm-authorizations/{out_authorization_no}/close 解除免确认收款授权
POST jm m4012716434 /v3/fund-app/mch-transfer/transfer-bills 发起转账
GET m m4012716437 /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no} 商户单号查询转账单
POST m m4012716458 /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel 撤销转账
POST jm m4014399293 /v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization 发起转账并完成自动收款授权
POST jm m4014399371 /v3/fund-app/mch-transfer/transfer-bills/transfer 用户授权后转账
GET m m4012716457 /v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no} 微信转账单号查询转账单
POST jm m4015901167 /v3/fund-app/mch-transfer/user-confirm-authorization 申请免确认收款授权
GET m m4014399423 /v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no} 商户单号查询自动收款授权
POST m m4015653811 /v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}/close 解除免确认收款授权
# 资金应用∙公益捐赠
GET p p4016209966 /v3/fund-app/mch-transfer/partner/budget/{out_budget_no}/electronic-receipts 查询预算出资的电子回单
POST jp p4016209966 /v3/fund-app/mch-transfer/partner/budget/{out_budget_no}/electronic-receipts 申请预算出资的电子回单
POST jp p4015554763 /v3/fund-app/mch-transfer/partner/charity-budget 申请公益捐赠预算
GET p p4015554788 /v3/fund-app/mch-transfer/partner/charity-budget/{out_budget_no} 商户单号查询公益捐赠预算详情
POST jp p4015554795 /v3/fund-app/mch-transfer/partner/charity-budget/{out_budget_no}/unlock 解锁公益捐赠预算
POST jp p4015554841 /v3/fund-app/mch-transfer/partner/charity-transfer-bills 发起公益捐赠
GET p p4015554859 /v3/fund-app/mch-transfer/partner/charity-transfer-bills/out-transfer-no/{out_transfer_no} 商户单号查询公益捐赠详情
# 资金应用∙转账∙QQ钱包
POST jm m4014297386 /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills 发起转账到QQ钱包
GET m m4014297440 /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/{out_bill_no} 查询转账到QQ钱包的结果
POST m m4014297396 /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/{out_bill_no}/cancel 撤销转账到QQ钱包
# 收付通∙跨境
GET p p4012476132 /v3/funds-to-oversea/bill-download-url 获取购付汇账单文件下载链接API
POST jp p4012476113 /v3/funds-to-oversea/orders 申请资金出境API
GET p p4012476127 /v3/funds-to-oversea/orders/{out_order_id} 查询出境结果API
POST jp p4013735039 /v3/funds-to-oversea/return/return-orders 申请资金出境退回
GET p p4013735052 /v3/funds-to-oversea/return/return-orders/out-return-no/{out_return_no} 查询出境退回结果（通过商户出境退回单号）
GET p p4012476109 /v3/funds-to-oversea/transactions/{transaction_id}/available_abroad_amounts 查询订单剩余可出境余额API
# 风险合规∙消费者投诉
DELETE ehp - /v3/global/merchant-service/complaint-notifications 删除投诉通知回调
GET hp - /v3/global/merchant-service/complaint-notifications 查询投诉通知回调
POST jhp - /v3/global/merchant-service/complaint-notifications 创建投诉通知回调
PUT jhp - /v3/global/merchant-service/complaint-notifications 更新投诉通知回调
GET hb - /v3/global/merchant-service/complaints 查询投诉单列表
GET hb - /v3/global/merchant-service/complaints/{complaint_id} 查询投诉单详情
POST jehp - /v3/global/merchant-service/complaints/{complaint_id}/complete 反馈处理完成
GET hp - /v3/global/merchant-service/complaints/{complaint_id}/negotiation-historys 查询投诉协商历史
POST jehp - /v3/global/merchant-service/complaints/{complaint_id}/response 提交回复
POST fhp - /v3/global/merchant-service/images/upload 商户上传反馈图片API
GET uhp - /v3/global/merchant-service/images/{media_id} 图片下载API
DELETE eb m4012458679 /v3/merchant-service/complaint-notifications 删除投诉通知回调API
GET b m4012458679 /v3/merchant-service/complaint-notifications 查询投诉通知回调API
POST jb m4012458679 /v3/merchant-service/complaint-notifications 创建投诉通知回调API
PUT jb m4012458679 /v3/merchant-service/complaint-notifications 更新投诉通知回调API
GET db - /v3/merchant-service/complaints 查询投诉信息API
GET b m4012533431 /v3/merchant-service/complaints-v2 查询投诉单列表API
GET b m4012533436 /v3/merchant-service/complaints-v2/{complaint_id} 查询投诉单详情API
POST jeb m4012467255 /v3/merchant-service/complaints-v2/{complaint_id}/complete 反馈处理完成API
GET b m4012533439 /v3/merchant-service/complaints-v2/{complaint_id}/negotiation-historys 查询投诉协商历史API
POST jeb m4012467254 /v3/merchant-service/complaints-v2/{complaint_id}/response 提交回复API
POST jb m4017151596 /v3/merchant-service/complaints-v2/{complaint_id}/response-immediate-service 回复需要即时服务的投诉单
POST jeb m4012467256 /v3/merchant-service/complaints-v2/{complaint_id}/update-refund-progress 更新退款审批结果API
GET db - /v3/merchant-service/complaints/{transaction_id} 查询投诉详情API
GET db - /v3/merchant-service/complaints/{transaction_id}/negotiation-historys 查询投诉协商历史API
POST jedb - /v3/merchant-service/feedbacks 商户反馈API
POST fb m4012467250 /v3/merchant-service/images/upload 商户上传反馈图片API
GET ub m4012467251 /v3/merchant-service/images/{media_id} 图片下载API
# 跨境∙分账
POST fhb - /v3/global/merchant-storage/file/upload 上传文件API
GET hb - /v3/global/profit-sharing/bill-download-url 获取分账账单文件下载地址API
POST jhb - /v3/global/profit-sharing/orders 请求分账API
POST jhb - /v3/global/profit-sharing/orders/unfreeze 解冻剩余资金API
GET hb - /v3/global/profit-sharing/orders/{out_order_no} 查询分账结果API
DELETE jehb - /v3/global/profit-sharing/receivers 删除分账接收方API
POST jhb - /v3/global/profit-sharing/receivers 添加分账接收方API
GET hb - /v3/global/profit-sharing/receivers/{account} 查询分账接收方添加结果API
GET hb - /v3/global/profit-sharing/refunds/bill-download-url 获取分账退款账单下载链接API
GET hb - /v3/global/profit-sharing/refunds/refundable-balance 查询可供垫付退款实时余额API
POST jehb - /v3/global/profit-sharing/transactions/mark 分账标记API
GET hb - /v3/global/profit-sharing/transactions/{transaction_id}/amounts 查询剩余待分金额API
GET hb - /v3/global/profit-sharing/transactions/{transaction_id}/refundable-amounts 查询订单剩余可退款金额API
# 跨境∙H5权限
POST jhp - /v3/global/merchant/h5/permission/applications 创建H5支付权限申请单
GET hp - /v3/global/merchant/h5/permission/applications/{applyment_id} 查询H5支付权限申请单详情
PATCH jhp - /v3/global/merchant/h5/permission/applications/{applyment_id} 修改H5支付权限申请单
POST jhp - /v3/global/merchant/h5/permission/domain/applications 创建H5支付域名修改申请单
GET hp - /v3/global/merchant/h5/permission/domain/applications/{applyment_id} 查询H5支付域名修改申请单
PATCH jhp - /v3/global/merchant/h5/permission/domain/applications/{applyment_id} 修改H5支付域名修改申请单
GET hp - /v3/global/merchant/h5/permission/{sub_mchid} 查询子商户H5支付权限状态
# 跨境∙代扣
POST jhb - /v3/global/papay/contracts/app-pre-entrust-sign APP签约API
POST jhb - /v3/global/papay/contracts/h5-pre-entrust-sign H5预签约API
POST jhb - /v3/global/papay/contracts/jsapi-pre-entrust-sign JSAPI预签约API
POST jhb - /v3/global/papay/contracts/miniprogram-pre-entrust-sign 小程序签约API
GET hb - /v3/global/papay/contracts/out-contract-code/{out_contract_code} 商户协议号查询签约API
POST jhb - /v3/global/papay/contracts/web-pre-entrust-sign WEB预签约API
GET hb - /v3/global/papay/contracts/{contract_id} 代扣协议ID查询签约API
POST jehb - /v3/global/papay/contracts/{contract_id}/terminate 申请解约API
POST jhb - /v3/global/papay/transactions 支付扣款API
GET hb - /v3/global/papay/transactions/out-trade-no/{out_trade_no} 查询订单(商户订单号)
POST ehb - /v3/global/papay/transactions/out-trade-no/{out_trade_no}/reverse 撤销订单(商户订单号)
GET hb - /v3/global/papay/transactions/{transaction_id} 查询订单(微信支付订单号)
# 经营工具∙点金计划
POST jp p4012473788 /v3/goldplan/merchants/changecustompagestatus 商家小票管理API
POST jp p4012473796 /v3/goldplan/merchants/changegoldplanstatus 点金计划管理API
POST jep p4012473781 /v3/goldplan/merchants/close-advertising-show 关闭广告展示API
PATCH jep p4012473794 /v3/goldplan/merchants/open-advertising-show 开通广告展示API
POST jep p4012473784 /v3/goldplan/merchants/set-advertising-industry-filter 同业过滤标签管理API
# 国补专区; 上海/福建/重庆
POST jp p4013989535 /v3/gov/subsidy/audit/cup/invalid 查询审核结果
POST rjp p4013989535 /v3/gov/subsidy/audit/cup/query 查询审核结果
POST jp p4013989535 /v3/gov/subsidy/audit/cup/refund/sync 同步非银联支付交易退款信息
POST jp p4013989535 /v3/gov/subsidy/audit/cup/update 更新审核数据
POST jp p4013989535 /v3/gov/subsidy/audit/cup/upload 上传审核数据
# 国补专区; 江苏
POST rjp p4013989543 /v3/gov/subsidy/companies/query 企业信息查询
POST jp p4013989543 /v3/gov/subsidy/goods/upload 商品信息上传
POST jp p4013989543 /v3/gov/subsidy/n-qualifications/sync N品类同步资格核销信息
GET p p4013989543 /v3/gov/subsidy/qualification 查询补贴资格
POST jp - /v3/gov/subsidy/qualifications/passthrough/cancel 取消资格(透传模式)
POST jp - /v3/gov/subsidy/qualifications/passthrough/claim 领取资格(透传模式)
POST rjp - /v3/gov/subsidy/qualifications/passthrough/query 批量查询用户资格(透传模式)
POST rjp p4013989543 /v3/gov/subsidy/qualifications/query 批量查询用户资格
POST jp p4013989543 /v3/gov/subsidy/qualifications/sync 同步资格核销信息
POST jp p4013989543 /v3/gov/subsidy/sncode/lock sn码锁定
POST rjp p4013989543 /v3/gov/subsidy/sncode/query 查询sn码状态
POST jp p4013989543 /v3/gov/subsidy/sncode/unlock sn码解锁
POST rjp p4013989543 /v3/gov/subsidy/transactions/query 交易信息查询
POST rjp p4013989543 /v3/gov/subsidy/transactions/summary/query-day 查询单日交易汇总
POST jp p4013989543 /v3/gov/subsidy/transactions/sync 交易信息回传
# 国补专区; 浙江
POST jp p4013989530 /v3/gov/subsidy/zhejiang/authcode/cancel 品类凭证码预核销撤销
POST jp p4013989530 /v3/gov/subsidy/zhejiang/authcode/commit 品类凭证码上报确认
POST jp p4013989530 /v3/gov/subsidy/zhejiang/authcode/issue 申请品类凭证码
POST jp p4013989530 /v3/gov/subsidy/zhejiang/authcode/refund 品类凭证码上报撤销
POST jp p4013989530 /v3/gov/subsidy/zhejiang/authcode/try 预核销品类凭证码
POST rjp p4013989530 /v3/gov/subsidy/zhejiang/goods/query 商品信息查询
POST jp p4013989530 /v3/gov/subsidy/zhejiang/n-qualifications/confirm n品类核销
POST jp p4013989530 /v3/gov/subsidy/zhejiang/qualifications/alter 变更资格
POST jp p4013989530 /v3/gov/subsidy/zhejiang/qualifications/claim 领取资格
POST rjp p4013989530 /v3/gov/subsidy/zhejiang/qualifications/query 查询补贴资格
POST jp p4013989530 /v3/gov/subsidy/zhejiang/qualifications/sync 核销资格
POST jp p4013989530 /v3/gov/subsidy/zhejiang/sncode/lock sn码锁定
POST rjp p4013989530 /v3/gov/subsidy/zhejiang/sncode/query sn码销售状态查询
POST jp p4013989530 /v3/gov/subsidy/zhejiang/sncode/unlock sn码解锁
# 租用充电宝∙隔夜归还
POST jm - /v3/hire-power-bank/insurance-orders 创建保险订单
GET m - /v3/hire-power-bank/insurance-orders/{out_order_no} 查询保险订单详情
GET m - /v3/hire-power-bank/user-qualifications/{openid} 查询用户保险订单领取资格
# 营销工具∙代扣切卡
POST jb m4012553563 /v3/industry-coupon/tokens 出行券切卡组件预下单API
# 智慧经营
POST jep - /v3/industry-rebate/retail-industry/transactions 回传SN和商品编码
# 支付码牌∙交易
POST jep - /v3/industry-rebate/transactions/{transaction_id} 支付码牌/点餐码牌交易回传
# 微信保单服务
POST jm m4016617408 /v3/inspolicymgr/deduct/authorizations 提交保单授权信息
GET m m4016617415 /v3/inspolicymgr/deduct/authorizations/{out_insurance_no} 查询保单授权信息
POST jm m4016617421 /v3/inspolicymgr/deduct/policies 上传保单
GET m m4016617422 /v3/inspolicymgr/deduct/policies/{out_insurance_no} 查询保单
PATCH jm m4016617422 /v3/inspolicymgr/deduct/policies/{out_insurance_no} 更新保单信息
# 爱心餐
GET b m4012472863 /v3/lovefeast/brands/{brand_id} 查询爱心餐品牌信息
GET b - /v3/lovefeast/users/{openid}/orders/brand-id/{brand_id} 查询用户捐赠单列表
GET b - /v3/lovefeast/users/{openid}/orders/out-trade-no/{out_trade_no} 查询用户捐赠单详情
# 运营工具∙代金券
POST jm m4014569793 /v3/marketing/bank-favor/users/{openid}/bank-multi-activity 给指定用户报名多笔立减活动
GET m m4014569864 /v3/marketing/bank-favor/users/{openid}/coupons/{coupon_id} 查询绑定多笔立减活动的代金券详情
GET b m4012464070 /v3/marketing/favor/callbacks 获取已设置的消息通知地址API
POST jb m4012464070 /v3/marketing/favor/callbacks 设置消息通知地址API
POST jb m4012534633 /v3/marketing/favor/coupon-stocks 创建代金券批次API
GET b m4012460489 /v3/marketing/favor/stocks 条件查询批次列表API
GET b m4012460564 /v3/marketing/favor/stocks/{stock_id} 查询批次详情API
GET b m4012463442 /v3/marketing/favor/stocks/{stock_id}/items 查询代金券可用单品API
GET b m4012463358 /v3/marketing/favor/stocks/{stock_id}/merchants 查询代金券可用商户API
POST jm m4017164667 /v3/marketing/favor/stocks/{stock_id}/modify-goods-id 修改可用单品编码
POST jb m4012460305 /v3/marketing/favor/stocks/{stock_id}/pause 暂停代金券批次API
GET b m4012463523 /v3/marketing/favor/stocks/{stock_id}/refund-flow 下载批次退款明细API
GET b - /v3/marketing/favor/stocks/{stock_id}/refund-flow-by-day 获取批次退款明细下载链接
POST jb m4012460411 /v3/marketing/favor/stocks/{stock_id}/restart 重启代金券批次API
POST jb m4012460137 /v3/marketing/favor/stocks/{stock_id}/start 激活代金券批次API
POST jb - /v3/marketing/favor/stocks/{stock_id}/stop 终止代金券批次
GET b m4012463585 /v3/marketing/favor/stocks/{stock_id}/use-flow 下载批次核销明细API
GET b - /v3/marketing/favor/stocks/{stock_id}/use-flow-by-day 获取批次核销明细下载链接
GET b m4012463767 /v3/marketing/favor/users/{openid}/coupons 根据商户号查用户的券
POST jb m4012463767 /v3/marketing/favor/users/{openid}/coupons 发放代金券API
GET b m4012486942 /v3/marketing/favor/users/{openid}/coupons/{coupon_id} 查询代金券详情API
# 营销工具∙收款有礼
GET p p4012466728 /v3/marketing/bank/packages/{package_id}/tasks 查询上传任务列表API
POST fp p4012466728 /v3/marketing/bank/packages/{package_id}/tasks 导入定向用户协议号API
GET p - /v3/marketing/withdraw-favor/users/{openid}/coupons 查询批次下用户银行提现免费券列表API
POST jp - /v3/marketing/withdraw-favor/users/{openid}/coupons 为用户发银行提现免费券API
# 运营工具∙商家券
GET b m4012465431 /v3/marketing/busifavor/callbacks 查询商家券事件通知地址API
POST jb m4012465431 /v3/marketing/busifavor/callbacks 设置商家券事件通知地址API
POST jb m4012465596 /v3/marketing/busifavor/coupons/associate 关联订单信息API
POST jb m4012465890 /v3/marketing/busifavor/coupons/deactivate 使券失效API
POST jb m4012465673 /v3/marketing/busifavor/coupons/disassociate 取消关联订单信息API
POST jb m4012465845 /v3/marketing/busifavor/coupons/return 申请退券API
POST jm - /v3/marketing/busifavor/coupons/send 向用户发券
POST jb m4012465292 /v3/marketing/busifavor/coupons/use 核销用户券API
POST jp - /v3/marketing/busifavor/product-coupons/pre-send 向用户预发放商品券
POST jb m4015594964 /v3/marketing/busifavor/product-coupons/send 向用户发放商品券
POST jb m4012534855 /v3/marketing/busifavor/stocks 创建商家券API
GET b m4012534928 /v3/marketing/busifavor/stocks/{stock_id} 查询商家券详情API
PATCH jeb m4012534928 /v3/marketing/busifavor/stocks/{stock_id} 修改商家券基本信息API
PATCH jb m4012465739 /v3/marketing/busifavor/stocks/{stock_id}/budget 修改批次预算API
GET b m4012487038 /v3/marketing/busifavor/stocks/{stock_id}/couponcodes 查询预存code列表
POST jb m4012487038 /v3/marketing/busifavor/stocks/{stock_id}/couponcodes 上传预存code API
DELETE m - /v3/marketing/busifavor/stocks/{stock_id}/couponcodes/{coupon_code} 删除预存code
GET m - /v3/marketing/busifavor/stocks/{stock_id}/couponcodes/{coupon_code} 查询预存code详情
GET b m4017147321 /v3/marketing/busifavor/subsidy/pay-receipts 查询营销补差付款单列表API
POST jb m4017147321 /v3/marketing/busifavor/subsidy/pay-receipts 营销补差付款API
GET b m4017147336 /v3/marketing/busifavor/subsidy/pay-receipts/{subsidy_receipt_id} 查询营销补差付款单详情API
POST jb m4017147332 /v3/marketing/busifavor/subsidy/return-receipts 营销补差回退API
GET b m4017147344 /v3/marketing/busifavor/subsidy/return-receipts/{subsidy_return_receipt_id} 查询商家券营销补差回退单详情
GET b m4012534963 /v3/marketing/busifavor/users/{openid}/coupons 根据过滤条件查询用户券API
GET b m4012535011 /v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid} 查询用户单张券详情API
# 运营工具∙消费卡
POST jm m4017164666 /v3/marketing/busifavor/coupons/{card_id}/send 发放消费卡API
# 运营工具∙通用接口
POST fb m4012557233 /v3/marketing/favor/media/image-upload （营销）图片上传API
# 品牌小店营销
GET b - /v3/marketing/goods-subsidy-activity/activities 按区域查询品牌加价购活动
POST jb - /v3/marketing/goods-subsidy-activity/activity/{activity_id}/apply 门店报名品牌加价购活动
POST jb - /v3/marketing/goods-subsidy-activity/qualification/lock 锁定品牌加价购活动资格
POST jb - /v3/marketing/goods-subsidy-activity/qualification/unlock 解锁品牌加价购活动资格
DELETE jb m4012384327 /v3/marketing/goods-subsidy-activity/retail-store-act/{activity_id}/representative 删除零售小店活动业务代理
PUT jb m4012384327 /v3/marketing/goods-subsidy-activity/retail-store-act/{activity_id}/representative 添加零售小店活动业务代理
GET b m4012384347 /v3/marketing/goods-subsidy-activity/retail-store-act/{activity_id}/representatives 查询零售小店活动业务代理
POST jb m4012384337 /v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/materials 生成小店活动物料码
DELETE jb m4012384355 /v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores 删除小店活动门店
GET b m4012384355 /v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores 查询小店活动门店列表
POST jb m4012384355 /v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores 添加小店活动门店
GET b m4012384379 /v3/marketing/goods-subsidy-activity/retail-store-act/{brand_id}/stores/{store_code} 查询小店活动门店详情
# 会员卡∙会员有礼
GET b m4012553030 /v3/marketing/membercard-activity/activities 查询活动列表API
POST jb m4012553030 /v3/marketing/membercard-activity/activities 创建活动API
GET b m4012553365 /v3/marketing/membercard-activity/activities/{activity_id} 查询活动详情API
POST b m4012553381 /v3/marketing/membercard-activity/activities/{activity_id}/terminate 终止活动API
# 会员卡∙运营投放
GET b m4012550779 /v3/marketing/membercard-open/activate-informations/{activate_ticket} 获取用户信息（跳转型激活）API
POST jeb m4012550809 /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/activate 激活会员卡（跳转型激活）API
GET b m4012550742 /v3/marketing/membercard-open/cards/{card_id}/decrypt-code 加密code解码（跳转型激活）API
POST jb m4012550867 /v3/marketing/membercard-open/cards/{card_id}/permission-tokens 商户预授权
POST jb m4012550605 /v3/marketing/membercard-open/cards/{card_id}/qrcode 创建会员卡二维码API
# 会员卡
GET b m4012552251 /v3/marketing/membercard-open/callback 查询回调地址API
PATCH jb m4012552251 /v3/marketing/membercard-open/callback 设置回调地址API
POST jb m4012550535 /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import 根据手机号导入用户会员卡API
POST jb m4012549739 /v3/marketing/membercard-open/cards/{card_id}/users/import 根据openid导入用户会员卡API
POST jeb m4017166226 /v3/marketing/membercard-open/phonenumber-member/import 导入加密手机号提醒会员领卡API
GET b m4017166232 /v3/marketing/membercard-open/phonenumber-member/search 通过加密手机号查询会员领卡状态API
# 会员卡∙基础功能
GET b m4012545584 /v3/marketing/membercard-open/cards 查询会员卡模板列表API
POST jb m4012545584 /v3/marketing/membercard-open/cards 创建会员卡模板API
DELETE eb m4012547650 /v3/marketing/membercard-open/cards/{card_id} 删除会员卡模板API
GET b m4012547650 /v3/marketing/membercard-open/cards/{card_id} 查询会员卡模板信息API
PATCH jeb m4012547650 /v3/marketing/membercard-open/cards/{card_id} 修改会员卡模板信息API
POST jb m4012545728 /v3/marketing/membercard-open/cards/{card_id}/codes/deposit 导入会员Code API
GET b m4012547768 /v3/marketing/membercard-open/cards/{card_id}/codes/{code} 查询用户会员卡信息API
PATCH jeb m4012547768 /v3/marketing/membercard-open/cards/{card_id}/codes/{code} 修改用户会员卡信息API
POST jeb m4012549677 /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/unavailable 作废用户会员卡API
POST jeb m4012545673 /v3/marketing/membercard-open/cards/{card_id}/upgrade 老会员卡模板升级API
GET b m4012549255 /v3/marketing/membercard-open/user/cards 查询用户在品牌下所有会员卡API
# 会员卡∙权益设置
POST jeb m4012551350 /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/commit 设置支付后展示的积分到账API
POST jeb m4012595808 /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/prepare 支付结果页展示会员积分API
PATCH jeb m4012551213 /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/rights 设置会员权益API
PATCH jeb m4012551219 /v3/marketing/membercard-open/cards/{card_id}/rights 设置会员卡模板权益项API
# 会员卡∙服务项
POST jeb m4017166964 /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/set-service-module-data 设置会员服务项用户信息
POST jb m4017167277 /v3/marketing/membercard-open/cards/{card_id}/service-modules 添加会员卡服务项
DELETE eb m4017167417 /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id} 移除会员卡服务项
PATCH jb m4017167417 /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id} 修改会员卡服务项
# 运营工具∙商品券
POST jp p4016184554 /v3/marketing/partner/delivery-plan/delivery-plans 创建投放计划
GET p p4016184563 /v3/marketing/partner/delivery-plan/delivery-plans/{brand_id}/delivery-plans 分页查询投放计划列表
PATCH jp p4016184594 /v3/marketing/partner/delivery-plan/delivery-plans/{plan_id} 更新投放计划
POST ep p4016184572 /v3/marketing/partner/delivery-plan/delivery-plans/{plan_id}/terminate 终止投放计划
POST jp p4016184598 /v3/marketing/partner/delivery-plan/{sp_mchid}/notify-url 设置投放计划回调地址
POST jp p4017327735 /v3/marketing/partner/product-coupon/image-generation-tasks 提交图片生成任务
GET p p4017327739 /v3/marketing/partner/product-coupon/image-generation-tasks/{task_id} 查询图片生成任务执行结果
POST fp p4015781275 /v3/marketing/partner/product-coupon/media/upload-image 图片上传
GET p p4015781284 /v3/marketing/partner/product-coupon/notify-configs 获取商品券事件通知地址
POST jp p4015781284 /v3/marketing/partner/product-coupon/notify-configs 设置商品券事件通知地址
POST jp p4015781289 /v3/marketing/partner/product-coupon/product-coupons 创建商品券
GET p p4015781292 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id} 查询商品券
PATCH jp p4015781292 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id} 修改商品券
POST jp p4015781290 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/deactivate 失效商品券
GET p p4015781304 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks 查询商品券批次列表
POST jp p4015781304 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks 添加商品券批次
GET p p4015781542 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id} 查询商品券指定批次
PATCH jp p4015781542 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id} 修改商品券指定批次
POST jp p4015781302 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/associate-stores 批次关联门店
GET p p4015781546 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/associated-stores 查询批次关联门店列表
POST jp p4015781532 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/deactivate 失效商品券批次
POST jp p4015781537 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/disassociate-stores 批次取消关联门店
POST jp p4015781561 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/update-budget 修改商品券批次发放预算
POST jp p4015781572 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/upload-coupon-codes 预上传券Code
GET p p4015781590 /v3/marketing/partner/product-coupon/users/{openid}/coupons 指定券状态查询用户商品券列表
POST jp p4015781590 /v3/marketing/partner/product-coupon/users/{openid}/coupons 向用户发放商品券
GET p p4015781582 /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code} 查询用户商品券详情
POST jp p4015781575 /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/confirm 确认发放用户商品券
POST jp p4015781578 /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/deactivate 失效用户商品券
POST jp p4015781599 /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/return 退券
POST jp p4015781608 /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/use 核销用户商品券
POST jp p4016434365 /v3/marketing/partner/product-coupon/users/{openid}/pre-send-coupon 向用户预发放商品券
POST jp p4016280670 /v3/marketing/partner/product-coupon/users/{openid}/pre-send-coupon-bundle 向用户预发放商品券批次组
# 运营工具∙商品券∙批次组
POST jp p4016280622 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles 添加商品券批次组
PATCH jp p4016280633 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id} 修改商品券批次组
POST jp p4016280620 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/associate-stores 批次组批量关联门店
POST jp p4016280629 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/disassociate-stores 批次组批量取消关联门店
POST jp p4016280642 /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/update-budget 修改商品券批次组发放预算
POST jp p4016280664 /v3/marketing/partner/product-coupon/users/{openid}/coupon-bundles 向用户发放商品券批次组
POST jp p4016280658 /v3/marketing/partner/product-coupon/users/{openid}/coupon-bundles/{user_coupon_bundle_id}/deactivate 失效用户商品券组
# 运营工具∙委托营销
GET b m4012380536 /v3/marketing/partnerships 查询合作关系列表API
POST jb m4012380498 /v3/marketing/partnerships/build 建立合作关系API
POST jb m4017164460 /v3/marketing/partnerships/terminate 终止合作关系API
# 运营工具∙支付有礼
GET b m4012489126 /v3/marketing/paygiftactivity/activities 获取支付有礼活动列表API
GET b m4012487971 /v3/marketing/paygiftactivity/activities/{activity_id} 查询活动详情接口API
GET b m4012466448 /v3/marketing/paygiftactivity/activities/{activity_id}/goods 查询活动指定商品列表API
GET b m4012466149 /v3/marketing/paygiftactivity/activities/{activity_id}/merchants 查询活动发券商户号API
POST jb m4012466671 /v3/marketing/paygiftactivity/activities/{activity_id}/merchants/add 新增活动发券商户号API
POST jb m4012466787 /v3/marketing/paygiftactivity/activities/{activity_id}/merchants/delete 删除活动发券商户号API
POST b m4012466523 /v3/marketing/paygiftactivity/activities/{activity_id}/terminate 终止活动API
POST jb m4012487898 /v3/marketing/paygiftactivity/unique-threshold-activity 创建全场满额送活动API
# 经营工具∙电子小票
POST jb m4012526342 /v3/marketing/shopping-receipt/customentrances 创建自定义入口
GET b m4012526406 /v3/marketing/shopping-receipt/customentrances/{brand_id} 查询自定义入口
PATCH jb m4012526406 /v3/marketing/shopping-receipt/customentrances/{brand_id} 更新自定义入口
POST jb m4012443843 /v3/marketing/shopping-receipt/merchantshoppingreceiptjumpinfos 上传商家电子小票跳转信息
POST fb m4012553506 /v3/marketing/shopping-receipt/shoppingreceipts 上传电子小票
# 营销工具∙周周惠
GET p - /v3/marketing/weekly-discount/activities 查询周周惠活动列表API
GET p - /v3/marketing/weekly-discount/activities/{activity_id} 查询周周惠活动详情API
POST jp - /v3/marketing/weekly-discount/activities/{activity_id}/apply 报名周周惠活动API
# 商户管理记录
GET p p4014940381 /v3/mch-manage/mch-manage-records/sub-mchid/{sub_mchid} 分页查询子商户名下的商户管理记录
GET p p4014940383 /v3/mch-manage/mch-manage-records/{manage_record_id} 查询子商户下指定商户管理记录
POST jp p4014940417 /v3/mch-manage/mch-manage-records/{manage_record_id}/mch-manage-submissions 对指定商户管理记录提交资料
POST fp p4014940425 /v3/mch-manage/submission-files/sub-mchid/{sub_mchid}/upload 上传商户提交资料文件
GET p p4014940432 /v3/transaction-block/transaction-block-records/sub-mchid/{sub_mchid} 分页查询子商户名下的交易拦截记录
GET p p4014940435 /v3/transaction-block/transaction-block-records/{block_record_id} 查询子商户交易拦截记录详情
POST jp p4014940446 /v3/transaction-block/transaction-block-submissions/sub-mchid/{sub_mchid} 发起交易拦截申诉
GET p p4014940449 /v3/transaction-block/transaction-block-submissions/{block_submission_id} 查询交易拦截申诉详情
# 商户尽职调查
GET p p4015631048 /v3/mch-operation-manage/enhanced-due-diligence/{due_diligence_id} 查询子商户强化尽调单信息
POST jp p4015631033 /v3/mch-operation-manage/enhanced-due-diligence/{due_diligence_id}/submit 提交尽调资料
POST fp p4015631042 /v3/mch-operation-manage/enhanced-due-diligence/{due_diligence_id}/upload 上传尽调资料文件
# 风险管理
GET p p4012803072 /v3/mch-operation-manage/merchant-limitations/sub-mchid/{sub_mchid} 查询子商户管控情况
POST rjb m4013894247 /v3/merchant-risk-manage/ec-trade-risk/query-risk-trades 查询风险订单
POST jb m4013894250 /v3/merchant-risk-manage/ec-trade-risk/recv-dispose-result 回传处置结果
POST jb m4012529250 /v3/merchant-risk-manage/report-trade-union-information 上报订单关联信息
GET b m4012526198 /v3/merchant-risk-manage/trade-risk-information 查询风险信息
POST jb m4012384516 /v3/merchant-risk-manage/trade-risk-result 处置结果回传
# 收付通∙提现
POST jp p4012488950 /v3/mch_operate/risk/withdrawl-apply 提交已注销商户号可用余额提现申请单API
GET p p4012778400 /v3/mch_operate/risk/withdrawl-apply/applyment-id/{applyment_id} 微信支付提现申请单号查询提现申请单状态API
GET p p4012476164 /v3/mch_operate/risk/withdrawl-apply/out-request-no/{out_request_no} 商户提现申请单号查询提现申请单状态
POST jp p4012476670 /v3/merchant/fund/withdraw 电商平台提现API
GET p p4012476672 /v3/merchant/fund/withdraw/out-request-no/{out_request_no} 电商平台(商户提现单号查询)提现状态API
GET p p4012476674 /v3/merchant/fund/withdraw/withdraw-id/{withdraw_id} 电商平台(微信支付提现单号)查询提现状态API
POST jp p4013328143 /v3/platsolution/ecommerce/withdraw/day-end-balance-withdraw 二级商户按日终余额预约提现
GET p p4013328163 /v3/platsolution/ecommerce/withdraw/day-end-balance-withdraw/out-request-no/{out_request_no} 查询二级商户按日终余额预约提现状态
# 变更超管
POST jp p4015617906 /v3/mchalterapply/mchcontactalterapplyment 提交超管变更申请单
GET p p4014090667 /v3/mchalterapply/mchcontactalterapplyment/merchant/{merchant_code}/out-request-no/{out_request_no} 查询超管变更申请单状态-使用业务单号和商户号
GET p p4015617911 /v3/mchalterapply/mchcontactalterapplyment/{apply_id} 查询超管变更申请单状态-使用申请单号
POST p p4015617919 /v3/mchalterapply/mchcontactalterapplyment/{apply_id}/revoke 撤销超管变更申请单
# 收付通∙进件; 服务商∙进件
POST jp p4014090649 /v3/mchalterapply/mchsubjectalterapplyment 提交资料变更申请单
GET p p4014090667 /v3/mchalterapply/mchsubjectalterapplyment/merchant/{merchant_code}/out-request-no/{out_request_no} 查询申请单状态-使用业务单号
GET p p4014090655 /v3/mchalterapply/mchsubjectalterapplyment/{apply_id} 查询资料变更申请单状态-使用申请单号
POST p p4014090672 /v3/mchalterapply/mchsubjectalterapplyment/{apply_id}/revoke 撤销资料变更申请单
# 修改商家简称
POST jp p4016166071 /v3/mchalterapply/merchantnamealterapplyment 提交商户简称变更申请单
GET p p4016166085 /v3/mchalterapply/merchantnamealterapplyment/merchant/{sub_mchid}/out-request-no/{out_request_no} 查询商户简称申请单状态-使用业务单号和商户号
GET p p4016166074 /v3/mchalterapply/merchantnamealterapplyment/{apply_id} 查询商户简称变更申请单状态-使用申请单号
POST p p4016166090 /v3/mchalterapply/merchantnamealterapplyment/{apply_id}/revoke 撤销商户简称变更申请单
# 医保支付
POST jb m4016781466 /v3/med-ins/orders 医保自费混合收款下单
GET b m4016781479 /v3/med-ins/orders/mix-trade-no/{mix_trade_no} 使用医保自费混合订单号查看下单结果
GET b m4016781490 /v3/med-ins/orders/out-trade-no/{out_trade_no} 使用商户订单号查看下单结果
POST jeb m4016781561 /v3/med-ins/refunds/notify 医保退款通知
# 风险合规∙商户违规通知
DELETE ep p4012471327 /v3/merchant-risk-manage/violation-notifications 删除商户违规通知回调地址API
GET p p4012471327 /v3/merchant-risk-manage/violation-notifications 查询商户违规通知回调地址API
POST jp p4012471327 /v3/merchant-risk-manage/violation-notifications 创建商户违规通知回调地址API
PUT jp p4012471327 /v3/merchant-risk-manage/violation-notifications 修改商户违规通知回调地址API
# 结算规则管理
POST jp p4012697924 /v3/merchant-settlement/merchant-settle-rule-applications 申请修改特约商户结算规则API
GET p p4012698574 /v3/merchant-settlement/merchant-settle-rule-applications/{application_id} 根据申请单ID查询结果API
# 经营工具∙连锁品牌∙门店
POST jb m4013948546 /v3/merchant-store/stores 创建门店API
GET b m4013948551 /v3/merchant-store/stores/{store_id} 查询门店API
PATCH jeb m4013948551 /v3/merchant-store/stores/{store_id} 修改门店API
POST jb m4013948579 /v3/merchant-store/stores/{store_id}/recipients/bind 绑定门店收款信息
POST jb m4013948580 /v3/merchant-store/stores/{store_id}/recipients/unbind 解除门店收款信息绑定
# 资金应用∙转账∙服务商模式; 运营工具∙用工卡
GET p p4012718647 /v3/merchantfund/merchant/income-records 服务商银行来账查询
GET p p4012712728 /v3/merchantfund/partner/income-records 特约商户银行来账查询
POST jp p4012465738 /v3/partner-transfer/batches 发起批量转账API
GET p p4012465772 /v3/partner-transfer/batches/batch-id/{batch_id} 微信支付批次单号查询批次单API
GET p p4012465781 /v3/partner-transfer/batches/batch-id/{batch_id}/details/detail-id/{detail_id} 微信支付明细单号查询明细单API
GET p p4012465790 /v3/partner-transfer/batches/out-batch-no/{out_batch_no} 商家批次单号查询批次单API
GET p p4012465795 /v3/partner-transfer/batches/out-batch-no/{out_batch_no}/details/out-detail-no/{out_detail_no} 商家明细单号查询明细单API
# 运营工具∙消费金
GET m m4012539762 /v3/multiuse/stocks/{stock_id}/refund-flow 下载批次退款明细
GET m m4012539756 /v3/multiuse/stocks/{stock_id}/send-flow 下载批次发放明细
GET m m4012539758 /v3/multiuse/stocks/{stock_id}/use-flow 下载核销明细
POST jm m4012539766 /v3/multiuse/users/{openid}/coupons 发放指定批次的消费金
# 经营工具∙电子发票
POST jb m4012529382 /v3/new-tax-control-fapiao/card-template 创建电子发票卡券模板
GET ub - /v3/new-tax-control-fapiao/download 下载发票文件
POST jb m4012538301 /v3/new-tax-control-fapiao/fapiao-applications 开具电子发票
POST jp p4015792574 /v3/new-tax-control-fapiao/fapiao-applications/issue-general 开具通用行业电子发票
POST jp p4025863376 /v3/new-tax-control-fapiao/fapiao-applications/issue-passenger-transport 开具旅客运输行业电子发票
POST jp p4016760559 /v3/new-tax-control-fapiao/fapiao-applications/issue-refined-oil 开具成品油行业电子发票
POST jp p4015941740 /v3/new-tax-control-fapiao/fapiao-applications/real-estate-leasing 开具不动产租赁行业电子发票
POST fb m4012556605 /v3/new-tax-control-fapiao/fapiao-applications/upload-fapiao-file 上传电子发票文件
GET b m4012531753 /v3/new-tax-control-fapiao/fapiao-applications/{fapiao_apply_id} 查询电子发票
GET b m4012538335 /v3/new-tax-control-fapiao/fapiao-applications/{fapiao_apply_id}/fapiao-files 获取发票下载信息
POST jb m4012538365 /v3/new-tax-control-fapiao/fapiao-applications/{fapiao_apply_id}/insert-cards 将电子发票插入微信用户卡包
POST jb m4012538327 /v3/new-tax-control-fapiao/fapiao-applications/{fapiao_apply_id}/reverse 冲红电子发票
GET p p4015941495 /v3/new-tax-control-fapiao/fapiaomerchant/getspinviteurl 获取邀请商户开通服务商电子发票能力
GET p p4015941524 /v3/new-tax-control-fapiao/fapiaomerchant/listspinvitemchinfo 获取邀请开通的商户信息
GET b m4012538180 /v3/new-tax-control-fapiao/merchant/base-information 获取商户开票基础信息
GET b m4012529457 /v3/new-tax-control-fapiao/merchant/development-config 查询商户配置的开发选项
PATCH jb m4012529457 /v3/new-tax-control-fapiao/merchant/development-config 配置开发选项
GET b m4012538236 /v3/new-tax-control-fapiao/merchant/tax-codes 获取商品和服务税收分类对照表
POST ep p4012474022 /v3/new-tax-control-fapiao/merchant/{sub_mchid}/check 检查子商户开票功能状态
GET p p4015792561 /v3/new-tax-control-fapiao/merchant/{sub_mchid}/check-status 检查子商户开票功能状态
GET b m4012538112 /v3/new-tax-control-fapiao/user-title 获取用户填写的抬头
GET b m4012538106 /v3/new-tax-control-fapiao/user-title/title-url 获取抬头填写链接
# 微信刷掌
GET p p4014482017 /v3/palmservice/authorization/openid/{openid} 查询刷掌授权
POST jp p4014481990 /v3/palmservice/authorization/preauthorize 服务关联预授权
# 委托代扣
POST jem - /v3/papay/contracts/{contract_id}/fail-notify 重试扣费通知API
POST jem - /v3/papay/contracts/{contract_id}/notify 直连商户预扣费通知API
POST jm m4013388429 /v3/papay/pay/harmony/transactions/apply 代扣受理扣款
GET p p4012468579 /v3/papay/pay/partner/schedules/contract-id/{contract_id} 查询扣费预约API
POST jp p4012468581 /v3/papay/pay/partner/schedules/contract-id/{contract_id}/schedule 预约扣费API
POST jp p4012468586 /v3/papay/pay/partner/transactions/apply 受理扣款API
GET m m4012466997 /v3/papay/pay/schedules/contract-id/{contract_id} 查询扣费预约API
POST jm m4012467036 /v3/papay/pay/schedules/contract-id/{contract_id}/schedule 预约扣费API
POST jm m4012467087 /v3/papay/pay/transactions/apply 受理扣款API
POST jm m4012524934 /v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/app App场景预约扣费类型签约的预签约API
POST jm m4012489208 /v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/h5 H5场景预约扣费类型签约的预签约API
POST jm m4012525133 /v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/jsapi JSAPI场景预约扣费类型签约的预签约API
POST jm m4012525209 /v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/mini-program 小程序场景预约扣费类型签约的预签约API
POST jp p4012693028 /v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/app App场景预约扣费类型签约的预签约API
POST jp p4012464549 /v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/h5 H5场景预约扣费类型签约的预签约API
POST jp p4012693093 /v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/jsapi JSAPI场景预约扣费类型签约的预签约API
POST jp p4012693100 /v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/mini-program 小程序场景预约扣费类型签约的预签约API
GET m m4013844122 /v3/papay/sign/contracts/harmony-plan-id/{plan_id}/out-contract-code/{out_contract_code} 通过商户协议号查询委托代扣签约协议
GET m m4012489245 /v3/papay/sign/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code} 通过商户协议号查询委托代扣签约协议API
POST jm m4012489295 /v3/papay/sign/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code}/terminate 通过商户协议号解除委托代扣签约协议API
POST jm m4012978414 /v3/papay/sign/contracts/pre-entrust-sign 代扣预签约
GET p p4012489483 /v3/papay/sign/partner/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code} 通过商户协议号查询委托代扣签约协议API
POST jp p4012489491 /v3/papay/sign/partner/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code}/terminate 通过商户协议号解除委托代扣签约协议API
POST jep - /v3/partner-papay/contracts/{contract_id}/fail-notify 服务商商户重试扣费通知API
POST jep - /v3/partner-papay/contracts/{contract_id}/notify 服务商商户预扣费通知API
# 委托代扣∙保险业
GET m m4012471229 /v3/papay/insurance-pay/policy-periods/contract-id/{contract_id}/policy-period-id/{policy_period_id} 保险商户查询保险自动续费预约API
POST jm m4012471270 /v3/papay/insurance-pay/policy-periods/contract-id/{contract_id}/policy-period-id/{policy_period_id}/schedule 保险商户预约保险自动续费API
POST jm m4012471158 /v3/papay/insurance-pay/transactions/apply 保险商户受理保险自动续费扣款API
POST jem m4012489588 /v3/papay/insurance-sign/contracts/plan-id/{plan_id}/contract-id/{contract_id}/renew 保险商户受理续期自动续费协议
GET m m4012472641 /v3/papay/insurance-sign/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code} 保险商户查询保险自动续费协议
POST jm m4012472767 /v3/papay/insurance-sign/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code}/terminate 保险商户通过商户协议号解除保险自动续费协议
POST jm m4013005766 /v3/papay/insurance-sign/contracts/pre-entrust-sign/app 保险商户App预签约API
POST jm m4012529050 /v3/papay/insurance-sign/contracts/pre-entrust-sign/h5 保险商户H5预签约API
POST jm m4012528600 /v3/papay/insurance-sign/contracts/pre-entrust-sign/jsapi 保险商户JSAPI预签约API
POST jm m4012528950 /v3/papay/insurance-sign/contracts/pre-entrust-sign/mini-program 保险商户小程序预签约API
POST jm m4012987596 /v3/papay/insurance-sign/policy-periods/plan-id/{plan_id}/contract-id/{contract_id}/modify 保险商户修改保险扣费周期列表
GET m m4012489530 /v3/papay/insurance-sign/policy_periods/plan-id/{plan_id}/out-contract-code/{out_contract_code} 保险商户查询保险扣费周期列表API
# 停车缴费服务
POST jp p4019557780 /v3/parking/reminders/application 提交停车场进件申请
GET p - /v3/parking/reminders/application/query 查询停车场进件申请单
POST jep p4019557799 /v3/parking/reminders/application/withdraw 撤回停车场进件申请
GET p p4019557811 /v3/parking/reminders/applications 查询停车场进件申请单列表
POST jp p4019557757 /v3/parking/reminders/entry 同步车辆入场通知
POST jep p4019557725 /v3/parking/reminders/exit 同步车辆离场通知
POST jep p4020338487 /v3/parking/reminders/ext-payment 同步非临停扩展支付
POST rjp p4019557825 /v3/parking/reminders/parking-fee 查询停车费用
GET p p4023070758 /v3/parking/reminders/parking-lot 查询停车场信息
POST jep p4019557765 /v3/parking/reminders/payment 同步支付结果通知
# 免密支付
POST jp p4013369177 /v3/password-exempt-contract/contracts/ecommerce/pre-entrust-sign/mini-program 电商收付通模式小程序场景预签约API
POST jp p4013369191 /v3/password-exempt-contract/contracts/ecommerce/pre-entrust-sign/pay-redirect-sign 电商收付通模式支付后场景预签约API
POST jm m4012472870 /v3/password-exempt-contract/contracts/normal/pre-entrust-sign/mini-program 直连商户模式小程序场景预签约API
POST jm m4012472874 /v3/password-exempt-contract/contracts/normal/pre-entrust-sign/pay-redirect-sign 直连商户模式支付后场景预签约API
POST jp p4012471282 /v3/password-exempt-contract/contracts/qs/pre-entrust-sign/mini-program 清算机构模式小程序场景预签约API
POST jp p4012471286 /v3/password-exempt-contract/contracts/qs/pre-entrust-sign/pay-redirect-sign 清算机构模式支付后场景预签约API
GET b m4012472855 /v3/password-exempt-contract/contracts/service-id/{service_id}/out-contract-code/{out_contract_code} 商户通过商户协议号查询协议API
POST jb m4012472858 /v3/password-exempt-contract/contracts/service-id/{service_id}/out-contract-code/{out_contract_code}/terminate 商户通过商户协议号解约协议API
POST jp p4012471269 /v3/password-exempt-contract/contracts/service-provider/pre-entrust-sign/mini-program 服务商模式小程序场景预签约API
POST jp p4012471272 /v3/password-exempt-contract/contracts/service-provider/pre-entrust-sign/pay-redirect-sign 服务商模式支付后场景预签约API
# 支付码牌∙音箱
GET p - /v3/pay-devices/open-scenario-speaker/{device_sn} 查询音箱绑定信息
POST jp - /v3/pay-devices/open-scenario-speaker/{device_sn}/bind 绑定音箱设备码牌
POST jp - /v3/pay-devices/open-scenario-speaker/{device_sn}/prebind 出厂预绑定音箱和码牌
POST p - /v3/pay-devices/open-scenario-speaker/{device_sn}/unbind 解绑音箱设备码牌
POST jp - /v3/pay-devices/open-scenario-speakerorder/{transaction_id}/report 码牌支付结果上报
# 经营工具∙小票机
POST jep - /v3/pay-devices/printers/{device_id}/print-orders 小票机打印
GET p - /v3/pay-devices/printers/{device_id}/print-orders/{print_order_no} 查询订单
# 微信分付
POST jp p4014326541 /v3/pay/acquiring-bank/transactions/exposure 微信分付-支付方式前置服务
POST jm m4016196762 /v3/pay/instal/exposure 商户贴息-获取微信分付曝光建议
POST jp p4016196820 /v3/pay/instal/partner/exposure 商户贴息-获取微信分付曝光建议
POST jp p4014326522 /v3/pay/partner/transactions/exposure 微信分付-支付方式前置服务
POST jm m4014326314 /v3/pay/transactions/exposure 微信分付-支付方式前置服务
# 基础支付∙服务商模式; 收付通∙支付
POST jp p4012523526 /v3/pay/partner/transactions/app APP下单API
POST jp p4012523544 /v3/pay/partner/transactions/h5 H5下单API
GET p p4012526943 /v3/pay/partner/transactions/id/{transaction_id} 微信支付订单号查询
POST jp p4012523579 /v3/pay/partner/transactions/jsapi JSAPI下单API
POST jp p4012523551 /v3/pay/partner/transactions/native Native下单API
GET p p4012526944 /v3/pay/partner/transactions/out-trade-no/{out_trade_no} 商户订单号查询
POST jep p4012526949 /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close 关单API
# 支付中签约
POST jp p4017019941 /v3/pay/partner/transactions/app-with-contract APP下单并签约
POST jm m4017019923 /v3/pay/transactions/app-with-contract APP下单并签约
# 基础支付∙服务商模式
POST jp p4012382179 /v3/pay/partner/transactions/codepay 付款码支付
POST jp p4012886115 /v3/pay/partner/transactions/miniprogram 小程序支付下单
POST jp p4012382181 /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/reverse 撤销
POST jp p4012492476 /v3/pay/partner/transactions/scannedpos 扫码支付下单
# 免密支付; 支付中签约
POST jp p4012526951 /v3/pay/partner/transactions/jsapi-with-contract JSAPI下单并授权/签约
POST jm m4012526910 /v3/pay/transactions/jsapi-with-contract JSAPI下单并授权/签约
# 基础支付
POST jm m4012525136 /v3/pay/transactions/app APP下单API
POST jm m4012382150 /v3/pay/transactions/codepay 付款码支付
POST jm m4012525153 /v3/pay/transactions/h5 H5下单API
GET m m4012526922 /v3/pay/transactions/id/{transaction_id} 微信支付订单号查询
POST jm m4012525167 /v3/pay/transactions/jsapi JSAPI下单API
POST jm m4012525171 /v3/pay/transactions/native Native下单API
GET m m4012526919 /v3/pay/transactions/out-trade-no/{out_trade_no} 商户订单号查询
POST jem m4012526915 /v3/pay/transactions/out-trade-no/{out_trade_no}/close 关单API
POST jm m4012382161 /v3/pay/transactions/out-trade-no/{out_trade_no}/reverse 撤销
# 运营工具∙用工卡
GET p p4012461820 /v3/payroll-card/authentications 查询核身记录API
POST jp p4012923362 /v3/payroll-card/authentications/pre-order 微工卡核身预下单API
POST jp p4012461761 /v3/payroll-card/authentications/pre-order-with-auth 微工卡核身预下单（流程中完成授权）
GET p p4012461785 /v3/payroll-card/authentications/{authenticate_number} 获取核身结果API
GET p p4012461728 /v3/payroll-card/relations/{openid} 查询微工卡授权关系API
POST jp p4012461589 /v3/payroll-card/tokens 生成授权token API
POST jp p4012461824 /v3/payroll-card/transfer-batches 发起批量转账API
POST jep - /v3/payroll-card/wesure/insurance 生成投保结果API
POST jp - /v3/payroll-card/wesure/token-validations 校验核身结果API
# 支付分∙机构模式
POST jp p4012691489 /v3/payscore/acquiringbank/permissions 从业机构预授权
GET p p4012461004 /v3/payscore/acquiringbank/permissions/authorization-code/{authorization_code} 从业机构查询与用户授权记录（授权协议号）
POST jep p4012461012 /v3/payscore/acquiringbank/permissions/authorization-code/{authorization_code}/terminate 从业机构解除用户授权关系（授权协议号）
GET p p4012691326 /v3/payscore/acquiringbank/serviceorder 从业机构查询微信支付分订单
POST jp p4012691326 /v3/payscore/acquiringbank/serviceorder 从业机构创建微信支付分订单
GET p p4012458665 /v3/payscore/acquiringbank/serviceorder/deduction 从业机构查询微信支付分扣款信息
POST jep p4012458146 /v3/payscore/acquiringbank/serviceorder/{out_order_no}/cancel 从业机构取消微信支付分订单
POST jep p4012460791 /v3/payscore/acquiringbank/serviceorder/{out_order_no}/complete 从业机构完结微信支付分订单
POST jp p4012458414 /v3/payscore/acquiringbank/serviceorder/{out_order_no}/registerdeductinfo 从业机构登记微信支付分扣款信息
# 支付分∙先用后付
POST jep p4012691363 /v3/payscore/acquiringbank/serviceorder/{out_order_no}/modify 从业机构修改微信支付分订单金额
POST jep p4012691378 /v3/payscore/acquiringbank/serviceorder/{out_order_no}/sync 从业机构同步微信支付分订单信息
POST jp p4012783674 /v3/payscore/acquiringbank/servicepayondeliveryorder 从业机构创建先用后付订单
POST jp p4012783634 /v3/payscore/partner/servicepayondeliveryorder 创建先用后付订单
POST jm m4012856585 /v3/payscore/servicepayondeliveryorder 创建先用后付订单
# 支付分
GET m m4013394586 /v3/payscore/merchant-bill 商户申请获取对账单API
GET m m4012587900 /v3/payscore/serviceorder 查询支付分订单API
POST jm m4012587900 /v3/payscore/serviceorder 创建支付分订单API
POST jm m4012587905 /v3/payscore/serviceorder/{out_order_no}/cancel 取消支付分订单API
POST jm m4012587955 /v3/payscore/serviceorder/{out_order_no}/complete 完结支付分订单API
POST jm m4012587957 /v3/payscore/serviceorder/{out_order_no}/modify 修改订单金额API
POST jm m4013394596 /v3/payscore/serviceorder/{out_order_no}/pay 商户发起催收扣款API
POST jem m4013394606 /v3/payscore/serviceorder/{out_order_no}/send-pendingmessage 下发服务费用待处理消息
POST jem m4013394615 /v3/payscore/serviceorder/{out_order_no}/send-prepaidmessage 下发服务预扣费消息
POST jm m4012587962 /v3/payscore/serviceorder/{out_order_no}/sync 同步服务订单信息API
# 支付分∙海外从业机构模式
GET hp - /v3/payscore/oversea/partner/serviceorder 查询支付分订单
POST jhp - /v3/payscore/oversea/partner/serviceorder 创建支付分订单
POST jehp - /v3/payscore/oversea/partner/serviceorder/{out_order_no}/cancel 取消支付分订单
POST jehp - /v3/payscore/oversea/partner/serviceorder/{out_order_no}/complete 完结支付分订单
POST jehp - /v3/payscore/oversea/partner/serviceorder/{out_order_no}/sync 同步支付分订单信息
# 支付分∙服务商模式∙免确认
POST jp p4012382030 /v3/payscore/partner/permissions 商户预授权API
GET p p4012692687 /v3/payscore/partner/permissions/authorization-code/{authorization_code} 查询与用户授权记录（授权协议号）API
POST jep p4012382049 /v3/payscore/partner/permissions/authorization-code/{authorization_code}/terminate 解除用户授权关系（授权协议号）API
GET p p4012692798 /v3/payscore/partner/permissions/search 查询与用户授权记录（openid）API
POST jep p4012461154 /v3/payscore/partner/permissions/terminate 解除用户授权关系（openid）API
# 支付分∙服务商模式
POST jp p4012778802 /v3/payscore/partner/permissions/apply-for-scene 服务商场景中预授权
POST jp p4012783585 /v3/payscore/partner/permissions/assess-user-risk-level 服务商评估用户分层
POST jp p4012715051 /v3/payscore/partner/service-account-applications 收付通子商户申请绑定支付分服务
GET p p4012715111 /v3/payscore/partner/service-account-applications/{out_apply_no} 查询收付通子商户服务绑定结果
GET p p4012692136 /v3/payscore/partner/serviceorder 查询支付分订单
POST jp p4012692136 /v3/payscore/partner/serviceorder 创建支付分订单
POST jep p4012923757 /v3/payscore/partner/serviceorder/direct-complete 创单结单合并API
POST jep p4012458758 /v3/payscore/partner/serviceorder/{out_order_no}/cancel 取消支付分订单API
POST jep p4012692408 /v3/payscore/partner/serviceorder/{out_order_no}/complete 完结支付分订单API
POST jep p4012692360 /v3/payscore/partner/serviceorder/{out_order_no}/modify 修改订单金额API
POST jep p4013394544 /v3/payscore/partner/serviceorder/{out_order_no}/pay 商户发起催收扣款API
POST jep p4013394914 /v3/payscore/partner/serviceorder/{out_order_no}/send-pendingmessage 下发服务费用待处理消息
POST jep p4013394929 /v3/payscore/partner/serviceorder/{out_order_no}/send-prepaidmessage 下发服务预扣费消息
POST jep p4012458816 /v3/payscore/partner/serviceorder/{out_order_no}/sync 同步订单信息API
GET p p4013394486 /v3/payscore/partner/servicequotas/service-id/{service_id} 查询用户分层对应建议先享金额
# 支付分∙先享后付
GET m - /v3/payscore/payafter-orders 查询先享后付订单
POST jm - /v3/payscore/payafter-orders 创建先享后付订单
POST jm - /v3/payscore/payafter-orders/{out_order_no}/cancel 撤销先享后付订单
POST jm - /v3/payscore/payafter-orders/{out_order_no}/complete 完结先享后付订单
POST jm - /v3/payscore/payafter-orders/{out_order_no}/sync 支付分订单同步
# 支付分∙免确认模式∙预授权
POST jm m4012647349 /v3/payscore/permissions 商户预授权API
POST jm m4012856611 /v3/payscore/permissions/assess-user-risk-level 商户评估用户分层
GET m m4012647401 /v3/payscore/permissions/authorization-code/{authorization_code} 查询与用户授权记录（授权协议号）API
POST jem m4012647410 /v3/payscore/permissions/authorization-code/{authorization_code}/terminate 解除用户授权关系（授权协议号）API
GET m m4012647404 /v3/payscore/permissions/openid/{openid} 查询与用户授权记录（openid）API
POST jem m4012647413 /v3/payscore/permissions/openid/{openid}/terminate 解除用户授权关系（openid）API
# 支付分∙签约计划
POST jp p4012463290 /v3/payscore/plan/partner/payscore-plans 创建支付分计划
GET p p4012463318 /v3/payscore/plan/partner/payscore-plans/merchant-plan-no/{merchant_plan_no} 查询支付分计划
POST jp p4012463322 /v3/payscore/plan/partner/payscore-plans/merchant-plan-no/{merchant_plan_no}/stop 停止支付分计划
POST jm m4012467232 /v3/payscore/plan/payscore-plans 创建支付分计划
GET m m4012470804 /v3/payscore/plan/payscore-plans/merchant-plan-no/{merchant_plan_no} 查询支付分计划
POST m m4012470851 /v3/payscore/plan/payscore-plans/merchant-plan-no/{merchant_plan_no}/stop 停止支付分计划
POST jp p4012463469 /v3/payscore/sign-plan/partner/serviceorder 创建用户的签约计划详情对应的服务订单
POST jp p4012463521 /v3/payscore/sign-plan/partner/user-sign-plans 创建用户的签约计划
GET p p4012463526 /v3/payscore/sign-plan/partner/user-sign-plans/merchant-sign-plan-no/{merchant_sign_plan_no} 查询用户的签约计划
POST jp p4012463534 /v3/payscore/sign-plan/partner/user-sign-plans/merchant-sign-plan-no/{merchant_sign_plan_no}/stop 取消用户的签约计划
POST jm m4012489351 /v3/payscore/sign-plan/serviceorder 创建用户的签约计划详情对应的服务订单
POST jm m4012489420 /v3/payscore/sign-plan/user-sign-plans 创建用户的签约计划
GET m m4012470990 /v3/payscore/sign-plan/user-sign-plans/merchant-sign-plan-no/{merchant_sign_plan_no} 查询用户的签约计划
POST jm m4012471050 /v3/payscore/sign-plan/user-sign-plans/merchant-sign-plan-no/{merchant_sign_plan_no}/stop 直连商户取消用户的签约计划
# 支付分∙免确认模式
POST jb - /v3/payscore/serviceorder/direct-complete 创单结单合并API
# 支付分∙智慧零售
GET m - /v3/payscore/smartretail-orders 查询智慧零售订单
POST jm - /v3/payscore/smartretail-orders 创建智慧零售订单
POST jm - /v3/payscore/smartretail-orders/{out_order_no}/cancel 撤销智慧零售订单
POST jm - /v3/payscore/smartretail-orders/{out_order_no}/complete 完结智慧零售订单
# 支付分∙免确认模式∙普通授权
GET b - /v3/payscore/user-service-state 查询用户授权状态API
POST jeb - /v3/payscore/users/{openid}/permissions/{service_id}/terminate 商户解除用户授权关系API
# 收付通∙充值; 商家充值
POST jp - /v3/platsolution/ecommerce/bank-transfer-recharges/apply 申请银行转账充值
GET p - /v3/platsolution/ecommerce/bank-transfer-recharges/out-recharge-no/{out_recharge_no} 查询银行转账充值结果
POST jp p4012762860 /v3/platsolution/ecommerce/recharges/apply 申请二级商户充值
GET p p4012762874 /v3/platsolution/ecommerce/recharges/out-recharge-no/{out_recharge_no} 查询二级商户充值结果
POST p p4012762895 /v3/platsolution/ecommerce/recharges/out-recharge-no/{out_recharge_no}/close 关闭二级商户充值
# 收付通∙赔付
POST jp p4012781476 /v3/platsolution/ecommerce/insurance-compensation-contracts 开通保险理赔功能
POST rp p4012781480 /v3/platsolution/ecommerce/insurance-compensation-contracts/sub-mchid/{sub_mchid}/check-opened 查询保险理赔功能开通状态
# 收付通∙售后赔付
POST jp p4013504175 /v3/platsolution/ecommerce/mch-transfer/compensate-bills 请求赔付
GET p p4013504179 /v3/platsolution/ecommerce/mch-transfer/compensate-bills/bill-id/{bill_id} 查询赔付结果（按微信支付赔付单号）
GET p p4013504178 /v3/platsolution/ecommerce/mch-transfer/compensate-bills/out-bill-no/{out_bill_no} 查询赔付结果（按商户赔付单号）
POST p p4013504177 /v3/platsolution/ecommerce/mch-transfer/compensate-bills/out-bill-no/{out_bill_no}/cancel 请求撤销赔付
POST jp p4013504176 /v3/platsolution/ecommerce/mch-transfer/compensate-bills/pre-transfer 请求赔付预下单
# 平台保证金∙赔付用户
POST jp p4013504194 /v3/platsolution/ecommerce/mch-transfer/deposit-after-sales-compensation-bills 请求保证金售后赔付
GET p p4013504196 /v3/platsolution/ecommerce/mch-transfer/deposit-after-sales-compensation-bills/bill-id/{bill_id} 查询保证金售后赔付结果（按微信支付赔付单号）
GET p p4013504195 /v3/platsolution/ecommerce/mch-transfer/deposit-after-sales-compensation-bills/out-bill-no/{out_bill_no} 查询保证金售后赔付结果（按商户赔付单号）
# 平台保证金∙赔付保司保费
POST jp p4014010905 /v3/platsolution/ecommerce/mch-transfer/deposit-insurance-premiums-compensation-bills 发起保证金赔付保司保费
GET p p4014010920 /v3/platsolution/ecommerce/mch-transfer/deposit-insurance-premiums-compensation-bills/{out_bill_no} 查询保证金赔付保司保费结果（按商户赔付单号）
# 平台保证金∙赔付用户运费
POST jp p4013504202 /v3/platsolution/ecommerce/mch-transfer/deposit-shipping-cost-compensation-bills 发起保证金赔付用户运费
GET p p4013504203 /v3/platsolution/ecommerce/mch-transfer/deposit-shipping-cost-compensation-bills/out-bill-no/{out_bill_no} 查询保证金售后赔付运费结果（按商户赔付单号）
# 收付通∙保险理赔
POST jp p4013504184 /v3/platsolution/ecommerce/mch-transfer/insurance-claim-bills 请求保险理赔
GET p p4013504188 /v3/platsolution/ecommerce/mch-transfer/insurance-claim-bills/bill-id/{bill_id} 查询保险理赔结果（按微信支付赔付单号）
GET p p4013504187 /v3/platsolution/ecommerce/mch-transfer/insurance-claim-bills/out-bill-no/{out_bill_no} 查询保险理赔结果（按商户赔付单号）
POST jp p4013504186 /v3/platsolution/ecommerce/mch-transfer/insurance-claim-bills/out-bill-no/{out_bill_no}/cancel 请求撤销保险理赔
POST jp p4013504185 /v3/platsolution/ecommerce/mch-transfer/insurance-claim-bills/pre-transfer 请求保险理赔预下单
# 收付通∙赔付商家
POST jp p4016777363 /v3/platsolution/ecommerce/mch-transfer/sub-mch-compensation-bills 请求赔付
GET p p4016777372 /v3/platsolution/ecommerce/mch-transfer/sub-mch-compensation-bills/{out_bill_no} 查询赔付结果（按商户赔付单号）
# 平台保证金∙赔付商户
POST jp p4013504198 /v3/platsolution/ecommerce/mch-transfer/transfer-bills 保证金赔付
GET p p4013504200 /v3/platsolution/ecommerce/mch-transfer/transfer-bills/bill-id/{bill_id} 查询保证金赔付结果（按微信支付赔付单号）
GET p p4013504199 /v3/platsolution/ecommerce/mch-transfer/transfer-bills/out-bill-no/{out_bill_no} 查询保证金赔付结果（按商户赔付单号）
# 收付通∙充值
POST jp p4013521743 /v3/platsolution/ecommerce/recharge-employees 添加二级商户可扫码充值员工
GET p p4013521757 /v3/platsolution/ecommerce/recharge-employees/sub-mchid/{sub_mchid} 查询二级商户可扫码充值员工列表
POST p p4013521753 /v3/platsolution/ecommerce/recharge-employees/sub-mchid/{sub_mchid}/sp-openid/{sp_openid}/delete 删除二级商户可扫码充值员工
# 资金应用∙转账
POST jp p4013504220 /v3/platsolution/insurance/mch-transfer/batches/apply 受理商家转账
GET p p4013504221 /v3/platsolution/insurance/mch-transfer/batches/batch-id/{batch_id} 微信支付转账批次单号查询批次单
GET p p4013504223 /v3/platsolution/insurance/mch-transfer/batches/batch-id/{batch_id}/details/detail-id/{detail_id} 微信支付转账明细单号查询明细单
GET p p4013504229 /v3/platsolution/insurance/mch-transfer/batches/detail-receipts/out-batch-no/{out_batch_no}/out-detail-no/{out_detail_no} 查询商家转账明细电子回单
POST jp p4013504228 /v3/platsolution/insurance/mch-transfer/batches/detail-receipts/out-batch-no/{out_batch_no}/out-detail-no/{out_detail_no}/apply 申请商家转账明细电子回单
GET p p4013504222 /v3/platsolution/insurance/mch-transfer/batches/out-batch-no/{out_batch_no} 商户转账批次单号查询批次单
GET p p4013504224 /v3/platsolution/insurance/mch-transfer/batches/out-batch-no/{out_batch_no}/details/out-detail-no/{out_detail_no} 商户明细单号查询明细单
GET p p4013504227 /v3/platsolution/insurance/mch-transfer/batches/summary-receipts/out-batch-no/{out_batch_no} 查询商家转账批次电子回单
POST jp p4013504226 /v3/platsolution/insurance/mch-transfer/batches/summary-receipts/out-batch-no/{out_batch_no}/apply 申请商家转账批次电子回单
POST jp p4013504216 /v3/platsolution/insurance/mch-transfer/reservation/apply 受理单次预约商家转账
GET p p4013504218 /v3/platsolution/insurance/mch-transfer/reservation/out-reservation-no/{out_reservation_no} 商户预约单号查询预约商家转账记录
POST p p4013504219 /v3/platsolution/insurance/mch-transfer/reservation/out-reservation-no/{out_reservation_no}/close 关闭预约商家转账记录
GET p p4013504217 /v3/platsolution/insurance/mch-transfer/reservation/reservation-id/{reservation_id} 微信支付预约单号查询预约商家转账记录
POST jp - /v3/platsolution/mch-transfer/batches/apply 受理商家转账
GET p - /v3/platsolution/mch-transfer/batches/batch-id/{batch_id} 微信支付转账批次单号查询批次单
GET p - /v3/platsolution/mch-transfer/batches/batch-id/{batch_id}/details/detail-id/{detail_id} 微信支付转账明细单号查询明细单
GET p - /v3/platsolution/mch-transfer/batches/detail-receipts/out-batch-no/{out_batch_no}/out-detail-no/{out_detail_no} 查询商家转账明细电子回单
POST jp - /v3/platsolution/mch-transfer/batches/detail-receipts/out-batch-no/{out_batch_no}/out-detail-no/{out_detail_no}/apply 申请商家转账明细电子回单
GET p - /v3/platsolution/mch-transfer/batches/out-batch-no/{out_batch_no} 商户转账批次单号查询批次单
GET p - /v3/platsolution/mch-transfer/batches/out-batch-no/{out_batch_no}/details/out-detail-no/{out_detail_no} 商户明细单号查询明细单
GET p - /v3/platsolution/mch-transfer/batches/summary-receipts/out-batch-no/{out_batch_no} 查询商家转账批次电子回单
POST jp - /v3/platsolution/mch-transfer/batches/summary-receipts/out-batch-no/{out_batch_no}/apply 申请商家转账批次电子回单
POST jp - /v3/platsolution/mch-transfer/reservation/apply 受理单次预约商家转账
GET p - /v3/platsolution/mch-transfer/reservation/out-reservation-no/{out_reservation_no} 商户预约单号查询预约商家转账记录
POST p - /v3/platsolution/mch-transfer/reservation/out-reservation-no/{out_reservation_no}/close 关闭预约商家转账记录
GET p - /v3/platsolution/mch-transfer/reservation/reservation-id/{reservation_id} 微信支付预约单号查询预约商家转账记录
POST jm m4012458841 /v3/transfer/batches 发起批量转账API
GET m m4012458868 /v3/transfer/batches/batch-id/{batch_id} 微信批次单号查询批次单API
GET m m4012458886 /v3/transfer/batches/batch-id/{batch_id}/details/detail-id/{detail_id} 微信明细单号查询明细单API
GET m m4012458877 /v3/transfer/batches/out-batch-no/{out_batch_no} 商家批次单号查询批次单API
GET m m4012458902 /v3/transfer/batches/out-batch-no/{out_batch_no}/details/out-detail-no/{out_detail_no} 商家明细单号查询明细单API
# 资金应用∙分账
GET b m4012529628 /v3/profitsharing/bills 申请分账账单
GET p p4012466864 /v3/profitsharing/merchant-configs/{sub_mchid} 查询最大分账比例
POST jb m4012524936 /v3/profitsharing/orders 请求分账
POST jb m4012526374 /v3/profitsharing/orders/unfreeze 解冻剩余资金
GET b m4012525210 /v3/profitsharing/orders/{out_order_no} 查询分账结果
POST jb m4012528995 /v3/profitsharing/receivers/add 添加分账接收方
POST jb m4012529590 /v3/profitsharing/receivers/delete 删除分账接收方
POST jb m4012525287 /v3/profitsharing/return-orders 请求分账回退
GET b m4012526279 /v3/profitsharing/return-orders/{out_return_no} 查询分账回退结果
GET b m4012457939 /v3/profitsharing/transactions/{transaction_id}/amounts 查询剩余待分金额
# 乘车服务
POST jb - /v3/qrcode/transactions 扣费受理
GET b - /v3/qrcode/transactions/out-trade-no/{out_trade_no} 查询订单
GET b - /v3/qrcode/user-services/contract-id/{contract_id} 查询用户服务可用信息
# 实名校验
GET p p4013735179 /v3/realname/verify 实名信息校验
# 商家充值
POST jm m4012585425 /v3/recharge/bank-transfer-recharges/apply 申请银行转账充值
GET m m4012585430 /v3/recharge/bank-transfer-recharges/out-recharge-no/{out_recharge_no} 查询银行转账充值结果
# 基础支付∙退款
POST jb m4012552567 /v3/refund/domestic/refunds 申请退款API
GET b m4012553002 /v3/refund/domestic/refunds/{out_refund_no} 查询单笔退款API
POST jb m4012791864 /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund 发起异常退款
# 还款支付
GET p p4015124483 /v3/repayment/combine-transactions/partner/out-trade-no/{combine_out_trade_no} 还款单查询
POST jep p4015124497 /v3/repayment/combine-transactions/partner/out-trade-no/{combine_out_trade_no}/close 商户关单
POST jp p4015124463 /v3/repayment/combine-transactions/partner/prepay 还款下单
# 经营工具∙支付即服务
POST rjb m4014551946 /v3/security/echo 商户签名验签／加解密测试
GET b m4012535123 /v3/smartguide/guides 服务人员查询API
POST jb m4012535123 /v3/smartguide/guides 服务人员注册API
PATCH jeb m4012535160 /v3/smartguide/guides/{guide_id} 服务人员信息更新API
POST jeb m4012535161 /v3/smartguide/guides/{guide_id}/assign 服务人员分配API
# 出租车电子发票
POST jep p4012461368 /v3/taxi-invoice/attendance/punch 签到签退API
POST jp p4012461432 /v3/taxi-invoice/cards 将出租车电子发票插入微信用户卡包API
POST fp p4012692904 /v3/taxi-invoice/cards/upload-file 上传出租车电子发票文件
POST jp p4012460171 /v3/taxi-invoice/driver/update-driver 更新司机信息API
GET p p4012461309 /v3/taxi-invoice/drivers/{driver_license} 获取司机信息API
GET p p4012460161 /v3/taxi-invoice/taxi-companies/{company_mchid} 获取出租车公司商户信息API
POST jp p4012460154 /v3/taxi-invoice/taxi-company/create-taxi-company 新增出租车公司API
POST jp p4012460167 /v3/taxi-invoice/taxi/update-taxi 更新出租车信息API
GET p p4012460169 /v3/taxi-invoice/taxies/{plate_number} 获取出租车信息API
GET p p4012460180 /v3/taxi-invoice/user-taxi-order/find-by-token 根据凭证查询乘客行程单API
GET p - /v3/taxi-invoice/user-taxi-orders 获取乘客行程单列表API
# 资金应用∙转账; 运营工具∙用工卡
GET b m4012458967 /v3/transfer-detail/electronic-receipts 查询转账明细电子回单受理结果API
POST jb m4012458967 /v3/transfer-detail/electronic-receipts 转账明细电子回单受理API
POST jb m4012458946 /v3/transfer/bill-receipt 转账电子回单申请受理API
GET b m4012458950 /v3/transfer/bill-receipt/{out_batch_no} 查询转账电子回单API
GET ub m4012716436 /v3/transferdownload/elecvoucherfile 下载电子回单API
GET ub m4012269010 /v3/transferdownload/signfile 下载电子回单API
# ETC授权扣费
GET p p4012715667 /v3/vehicle/etc/contracts/{contract_id} 通过商户ETC绑定号查询签约状态
POST jp p4012715215 /v3/vehicle/etc/preopen 预开通用户ETC指定卡扣费API
POST jp p4012715331 /v3/vehicle/etc/transactions/highway 高速场景商户扣款API
GET p p4012715719 /v3/vehicle/etc/transactions/id/{transaction_id} 查询订单API
GET p p4012715845 /v3/vehicle/etc/transactions/out-trade-no/{out_trade_no} 查询订单API
GET p p4012715623 /v3/vehicle/etc/users/{openid}/contracts 查询ETC签约状态API
# 支付分∙停车服务
POST jb m4012533937 /v3/vehicle/parking/parkings 创建停车入场API
GET b m4012534043 /v3/vehicle/parking/services/find 查询车牌服务开通信息API
GET b m4012534308 /v3/vehicle/transactions/out-trade-no/{out_trade_no} 查询订单API
POST jb m4012534352 /v3/vehicle/transactions/parking 扣费受理API
# 企业支付
GET p p4017205621 /v3/webizpay/avail-mch-ranges 查询可用商户范围列表
POST jp p4017205621 /v3/webizpay/avail-mch-ranges 创建可用商户范围
GET p p4017205631 /v3/webizpay/avail-mch-ranges/{range_id}/merchant-identifiers 查询商户标识列表
POST jp p4017205631 /v3/webizpay/avail-mch-ranges/{range_id}/merchant-identifiers 添加商户标识
DELETE jp p4017205637 /v3/webizpay/avail-mch-ranges/{range_id}/merchant-identifiers/{merchant_identifier} 删除商户标识
POST jp p4014507157 /v3/webizpay/bill/proof 申请企业商户企业支付出资凭证
POST jp p4014507142 /v3/webizpay/bill/trade-bill 申请企业商户企业支付业务账单
GET p p4015001625 /v3/webizpay/employees/{employee_id}/out-quota-cards/{out_card_no} 使用商户卡号查询企业支付额度卡
POST jp p4014507148 /v3/webizpay/employees/{employee_id}/quota-cards 企业商户为员工下发企业支付额度卡
GET p p4014507119 /v3/webizpay/employees/{employee_id}/quota-cards/{card_no} 企业商户查询企业支付额度卡
POST jp p4014507127 /v3/webizpay/employees/{employee_id}/quota-cards/{card_no}/cancel 企业商户作废员工企业支付额度卡
GET p p4014507160 /v3/webizpay/employees/{employee_id}/quota-cards/{card_no}/payment-url 企业商户获取指定额度卡支付链接
POST jp p4014507156 /v3/webizpay/employees/{employee_id}/revoke 企业商户发起解除员工企业支付授权
POST jp p4014507136 /v3/webizpay/stores/entity-matches 发起门店主体匹配
GET p p4014507133 /v3/webizpay/stores/entity-matches/{batch_id} 查询门店主体匹配结果
GET p p4014507163 /v3/webizpay/users/{user_id}/authorization-state 企业商户查询企业员工开通授权状态
POST jp p4014507153 /v3/webizpay/users/{user_id}/authorization-url 企业商户发起员工开通企业支付授权
`;
