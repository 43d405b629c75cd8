// How a script is driven, told by variables (k6 run -e NAME=VALUE): an open model, in which a slow answer does not slow
// the questions down, or one of the presets.
import { sleep } from 'k6';

const number = (name, otherwise) => Number(__ENV[name] || otherwise);
const text = (name, otherwise) => __ENV[name] || otherwise;

// Profiles that other platforms publish; `hold` shortens or lengthens each of them.
const presets = {
  steady: (hold) => ({
    executor: 'constant-arrival-rate', rate: 200, timeUnit: '1s', duration: hold, preAllocatedVUs: 32, maxVUs: 256,
  }),
  think: (hold) => ({ executor: 'constant-vus', vus: 256, duration: hold }),
  users: (hold) => ({
    executor: 'ramping-vus', startVUs: 30,
    stages: [{ target: 140, duration: hold }, { target: 140, duration: hold }, { target: 0, duration: '5s' }],
  }),
};

// Milliseconds at p99 that each preset promises, and seconds that a user thinks between two questions.
const promises = { steady: 10, think: 10, users: 120 };
const think = { think: 0.1, users: 0.1 }[__ENV.PRESET] || 0;

const ramp = () => ({
  executor: 'ramping-arrival-rate',
  startRate: number('START_RPS', 100),
  timeUnit: '1s',
  preAllocatedVUs: number('PRE_ALLOCATED_VUS', 64),
  maxVUs: number('MAX_VUS', 512),
  stages: [
    { target: number('RAMP_UP_RPS', 2000), duration: text('RAMP_UP_DURATION', '5s') },
    { target: number('HOLD_RPS', 2000), duration: text('HOLD_DURATION', '10s') },
    { target: 0, duration: text('RAMP_DOWN_DURATION', '2s') },
  ],
});

export function options() {
  const preset = __ENV.PRESET;
  if (preset && !presets[preset]) throw new Error(`PRESET is none of ${Object.keys(presets).join(', ')}`);
  const p99 = number('THRESHOLD_P99_MS', promises[preset] || 10);
  return {
    scenarios: { load: preset ? presets[preset](text('HOLD_DURATION', '20s')) : ramp() },
    thresholds: {
      http_req_failed: [`rate<=${number('THRESHOLD_ERROR_RATE', 0)}`],
      http_req_duration: [`p(95)<=${number('THRESHOLD_P95_MS', p99)}`, `p(99)<=${p99}`],
      dropped_iterations: ['count==0'],
    },
    systemTags: ['status', 'expected_response', 'error_code', 'name'],
    summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
  };
}

// Users who think begin spread over one such time, not all at once.
export function pause(iteration) {
  if (think > 0) sleep(iteration === 0 ? think * Math.random() : think);
}

// What answers say is looked at in one of so many: to read JSON costs k6 more than to ask.
export const isLookedAt = () => !isFixed && Math.random() < 0.05;
// What becomes of an answer's body; one that nobody looks at is not made a string.
export const body = (isLookedAt) => ({ responseType: isLookedAt ? 'text' : 'none' });

export const baseURL = text('BASE_URL', 'http://127.0.0.1:7070');
// Whoever only answers something of the same size is not checked for what it says.
export const isFixed = __ENV.FIXED_ANSWER === '1';
export const fixture = JSON.parse(open(text('FIXTURE', './fixture.json')));

export const user = () => `user-${Math.floor(Math.random() * fixture.users)}`;
export const context = () => fixture.contexts[Math.floor(Math.random() * fixture.contexts.length)];
