/** The request target: what is signed is what stands on the request line. */
import { WxpayError } from '../errors.ts';

/**
 * Refuses a target that a server or a library could read as another one: it must start with one `/`, hold printable ASCII
 * without a fragment, and no `.` or `..` segment in any spelling (THREATS B1, B2).
 *
 * @throws `PATH_INVALID`
 */
export function checkTarget(target: string): void {
  const refuse = (why: string): never => {
    throw new WxpayError('PATH_INVALID', {
      params: { value: target.slice(0, 200), reason: `key:reason.target_${why}` },
    });
  };
  if (!target.startsWith('/')) refuse('slash');
  if (target.startsWith('//')) refuse('slashes');
  if (!/^[\x21-\x7e]+$/.test(target)) refuse('characters');
  if (/[#\\]/.test(target)) refuse('mark');
  const path = target.split('?', 1)[0] ?? '';
  if (path.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) refuse('segment');
}
