// A file of refunds as large as one likes.
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';

/** `count` rows, `perOrder` of them for each order; each of these with a ref of its own. */
export async function writeRows(path, count, perOrder) {
  const out = createWriteStream(path);
  out.write('transaction_id,amount_yuan,reason,ref\n');
  for (let n = 0; n < count; n += 1) {
    const order = `42000023${String(Math.floor(n / perOrder)).padStart(19, '0')}1`;
    const ref = perOrder > 1 ? `part-${n % perOrder}` : '';
    if (!out.write(`${order},${(n % 90) + 1}.25,商品已售完${n % 7},${ref}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}
