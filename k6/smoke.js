// Every route once, in a second: is the edge there, and does it answer what it says?
import { check } from 'k6';
import http from 'k6/http';
import { baseURL, context, fixture } from './scenario.js';

export const options = { iterations: 1, vus: 1, thresholds: { checks: ['rate==1'] } };

export default function () {
  const subject = { subjectId: 'user-1', attributes: context() };
  const body = JSON.stringify({ context: { targetingKey: 'user-1', ...context() } });
  const all = http.post(`${baseURL}/ofrep/v1/evaluate/flags`, body);
  const answers = {
    health: http.get(`${baseURL}/health`),
    decide: http.get(`${baseURL}/decide?user_key=user-1`),
    'decide flags': http.post(`${baseURL}/api/v1/decide`, JSON.stringify(subject)),
    'decide batch': http.post(`${baseURL}/api/v1/decide/batch`, JSON.stringify({ subjects: [subject, subject] })),
    'evaluate one': http.post(`${baseURL}/ofrep/v1/evaluate/flags/${fixture.flags[0]}`, body),
    'evaluate all': all,
    'client snapshot': http.get(`${baseURL}/api/v1/client-snapshot`),
  };
  for (const name of Object.keys(answers)) check(answers[name], { [`${name} is 200`]: (r) => r.status === 200 });
  const headers = { 'If-None-Match': all.headers.Etag };
  const again = http.post(`${baseURL}/ofrep/v1/evaluate/flags`, body, {
    headers, responseCallback: http.expectedStatuses(304),
  });
  check(again, { 'what did not change is 304': (r) => r.status === 304 });
}
