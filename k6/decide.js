// GET /decide at a constant rate (an open model: a slow answer does not slow the questions down).
// k6 run -e BASE_URL=http://127.0.0.1:7070 -e RATE=2000 -e DURATION=30s k6/decide.js
import http from 'k6/http';
import { check } from 'k6';

const baseURL = __ENV.BASE_URL || 'http://127.0.0.1:7070';
const context = encodeURIComponent(JSON.stringify({ country: 'US', plan: 'pro' }));

export const options = {
  discardResponseBodies: false,
  scenarios: {
    decide: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 1000),
      timeUnit: '1s',
      duration: __ENV.DURATION || '10s',
      preAllocatedVUs: 64,
      maxVUs: 512,
    },
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    http_req_duration: [`p(99)<${__ENV.THRESHOLD_P99_MS || 10}`],
  },
};

export default function () {
  const user = `user-${Math.floor(Math.random() * 1e6)}`;
  const answer = http.get(`${baseURL}/decide?user_key=${user}&context=${context}`, { tags: { name: 'decide' } });
  check(answer, {
    'is 200': (r) => r.status === 200,
    'answers for the user': (r) => r.json('user_key') === user,
  });
}
