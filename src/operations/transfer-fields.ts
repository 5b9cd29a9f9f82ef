/** The body of a merchant transfer, field by field (endpoints.md 11.1). */
import type { Field, Fields } from './fields.ts';

const text = (max: number, required = false): Field => ({ type: 'string', max, required });

export const transferFields: Fields = {
  appid: text(32, true),
  out_bill_no: { type: 'string', required: true, max: 32, pattern: /^[0-9A-Za-z]+$/, form: 'form_out_bill_no' },
  openid: text(64, true),
  user_name: text(1024),
  transfer_amount: { type: 'integer', required: true, min: 1 },
  transfer_remark: text(32, true),
  notify_url: { type: 'string', max: 256, pattern: /^https?:\/\/[^\s?#]+$/, form: 'form_url' },
  user_recv_perception: text(32),
  transfer_scene_id: text(36, true),
  transfer_scene_report_infos: {
    type: 'list',
    required: true,
    item: { type: 'object', fields: { info_type: text(15, true), info_content: text(32, true) } },
  },
  user_recv_style: {
    type: 'object',
    fields: { type: { type: 'string', required: true, values: ['CONFIRM_PAGE', 'RED_PACKET'] } },
  },
};

/** Fen from which WeChat Pay wants the payee's name: 2000 yuan. */
export const nameRequiredFrom = 200_000;
