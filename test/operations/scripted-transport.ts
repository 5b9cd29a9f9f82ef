/** A transport that plays answers in the order in which they are expected, and fails the test on anything else. */
import type { ApiRequest, ApiResponse, Transport } from '../../src/core/ports.ts';

export interface Play {
  /** `GET` or `POST`, and the target or the start of it. */
  readonly on: string;
  /** A body is answered with 200 (or 204 when empty), verified. */
  readonly answer?: unknown;
  readonly status?: number;
  readonly trust?: ApiResponse['trust'];
  readonly throws?: unknown;
}

export interface Scripted {
  readonly transport: Transport;
  readonly requests: readonly ApiRequest[];
  /** What was not played. */
  readonly left: () => number;
}

export function scripted(...plays: readonly Play[]): Scripted {
  const queue = [...plays];
  const requests: ApiRequest[] = [];
  return {
    requests,
    left: () => queue.length,
    transport: async (request) => {
      requests.push(request);
      const play = queue.shift();
      const line = `${request.method} ${request.target}`;
      if (play === undefined || !line.startsWith(play.on)) throw new Error(`unexpected ${line}`);
      if (play.throws !== undefined) throw play.throws;
      const body = Buffer.from(
        play.answer === undefined ? '' : typeof play.answer === 'string' ? play.answer : JSON.stringify(play.answer),
      );
      return {
        status: play.status ?? (body.length === 0 ? 204 : 200),
        headers: {},
        body,
        trust: play.trust ?? 'verified',
        requestId: 'R-1',
        host: 'api.example',
      };
    },
  };
}
