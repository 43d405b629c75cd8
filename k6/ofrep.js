// OFREP: all flags of another user each time; one request in ten asks for one flag. Knobs and presets: scenario.js.
import { check } from 'k6';
import http from 'k6/http';
import { baseURL, body, context, fixture, isLookedAt, options as drive, pause, user } from './scenario.js';

export const options = drive();
const headers = { 'Content-Type': 'application/json' };

export default function () {
  pause(__ITER);
  const question = JSON.stringify({ context: { targetingKey: user(), ...context() } });
  const flag = fixture.flags[Math.floor(Math.random() * fixture.flags.length)];
  const isOne = Math.random() < 0.1;
  const path = `/ofrep/v1/evaluate/flags${isOne ? `/${flag}` : ''}`;
  const looks = isLookedAt();
  const answer = http.post(
    `${baseURL}${path}`, question, { headers, tags: { name: isOne ? 'one' : 'all' }, ...body(looks) });
  check(answer, { 'is 200': (r) => r.status === 200 });
  if (!looks) return;
  check(answer, {
    'is complete': (r) => (isOne ? [r.json()] : r.json('flags')).every(
      (f) => f.key && f.reason && f.variant && f.metadata && f.value !== undefined),
  });
}
