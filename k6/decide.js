// GET /decide, another user each time. Knobs and presets: scenario.js; run.sh prepares everything.
import { check } from 'k6';
import http from 'k6/http';
import { baseURL, body, context, isLookedAt, options as drive, pause, user } from './scenario.js';

export const options = drive();

export default function () {
  pause(__ITER);
  const name = user();
  const query = `user_key=${name}&context=${encodeURIComponent(JSON.stringify(context()))}`;
  const looks = isLookedAt();
  const answer = http.get(`${baseURL}/decide?${query}`, { tags: { name: 'decide' }, ...body(looks) });
  check(answer, { 'is 200': (r) => r.status === 200 });
  if (looks) check(answer, { 'is about the user': (r) => r.json('user_key') === name });
}
