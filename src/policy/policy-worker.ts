// The entry of a worker thread that reads one policy, checks it against the schema, and answers with its rules or problems.
import { parentPort } from 'node:worker_threads';
import { readPolicy } from './policy-text.ts';

parentPort?.on('message', (text: string) => parentPort?.postMessage(readPolicy(text)));
parentPort?.postMessage('ready');
